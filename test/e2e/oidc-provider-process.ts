/**
 * A real OpenID Connect provider as a process of its own, by npm's `oidc-provider`: forked, and told what to do by messages;
 * or started, with the first of them on its standard input, and told nothing more.
 *
 *   { open: {cert, key, keys} } ─▶ { issuer }      { rotate: keys } ─▶ { rotated: true }
 *
 * Whoever signs in is Ada, of the staff; nobody is asked for a password or for consent.
 */
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import Provider from 'oidc-provider';

export interface ProviderOrder {
  readonly open?: {
    readonly cert: string;
    readonly key: string;
    readonly keys: readonly object[];
    /** Where it listens, and its name; a free port of loopback and `idp.test` unless told. */
    readonly at?: { readonly address: string; readonly port: number };
  };
  readonly rotate?: readonly object[];
}

const interactionPath = '/interaction';
let issuer = '';
let serve: RequestListener = (_, response) => response.writeHead(503).end();

function providerWith(keys: readonly object[]): RequestListener {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [
      {
        client_id: 'orders-web',
        client_secret: 'orders-web-secret',
        redirect_uris: ['https://orders.test/callback'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
      {
        client_id: 'robot',
        client_secret: 'robot-secret',
        redirect_uris: [],
        grant_types: ['client_credentials'],
        response_types: [],
      },
      {
        client_id: 'guest',
        client_secret: 'guest-secret',
        redirect_uris: [],
        grant_types: ['client_credentials'],
        response_types: [],
      },
    ],
    cookies: { keys: ['a key for the cookies of a test'] },
    pkce: { required: () => false },
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'groups'] },
    interactions: { url: () => interactionPath },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_: unknown, resource: string) => ({
          scope: 'read',
          audience: resource,
          accessTokenFormat: 'jwt',
          // Longer than any keys are believed.
          accessTokenTTL: 7 * 86_400,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_: unknown, { clientId }: { clientId: string }) => ({ groups: [`${clientId}s`] }),
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId, groups: ['staff'] }),
    }),
    async loadExistingGrant({ oidc }: { oidc: { client: { clientId: string }; session: { accountId: string } } }) {
      const grant = new provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
  });
  const answer = provider.callback();
  return (request, response) => {
    if (request.url === interactionPath) {
      void provider.interactionFinished(request, response, { login: { accountId: 'ada' } });
    } else answer(request, response);
  };
}

async function open({ cert, key, keys, at }: NonNullable<ProviderOrder['open']>): Promise<void> {
  const server = createServer({ cert, key }, (request, response) => serve(request, response));
  server.listen(at?.port ?? 0, at?.address ?? '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the provider has no port');
  issuer = `https://${at?.address ?? 'idp.test'}:${address.port}`;
  serve = providerWith(keys);
  if (process.send === undefined) console.log(`issuer ${issuer}`);
  else process.send({ issuer });
}

process.on('message', ({ open: opening, rotate }: ProviderOrder) => {
  if (opening !== undefined) void open(opening);
  if (rotate !== undefined) {
    serve = providerWith(rotate);
    process.send?.({ rotated: true });
  }
});

if (process.send === undefined) {
  const { open: opening }: ProviderOrder = JSON.parse(await text(process.stdin));
  if (opening !== undefined) await open(opening);
}
