/**
 * A small OpenID Connect provider, for as long as a lab lives: what a tenant's own would be to its workers.
 *
 *   identity-provider.ts --address 10.99.0.1 --port 9443 --cert FILE --key FILE --issuer https://… [--issuer https://…]
 *
 *   GET  /.well-known/openid-configuration     where the keys are
 *   GET  /keys                                 the one key that signs, as a JWKS
 *   POST /token  username=ada&audience=deeds   a token of Ada's
 *
 * One process plays several issuers, told apart by the host that is asked. Each has a key of its own, made at the start
 * and never written down. Prints `ready` once it listens.
 * The surprise: nobody signs in. A token is given in any name, so nothing but a lab may believe it.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import { parseArgs } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const algorithm = 'ES256';
/** Of its only key. */
const keyId = 'lab-1';
/** Life of a token, in s: a demo that stays up for a working day. */
const lifetimeSeconds = 12 * 3_600;
/** Longest form, in characters. */
const formLengthMax = 4_096;

/** @returns what a path is answered with; undefined where there is nothing. */
type Issuer = (method: string, path: string, form: URLSearchParams) => Promise<object | undefined>;

const { values } = parseArgs({
  options: {
    address: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    cert: { type: 'string', default: '' },
    key: { type: 'string', default: '' },
    issuer: { type: 'string', multiple: true, default: [] },
  },
});
const issuers = new Map(
  await Promise.all(values.issuer.map(async (name) => [new URL(name).host, await issuerNamed(name)] as const)),
);
const tls = { cert: readFileSync(values.cert), key: readFileSync(values.key) };
const server = createServer(tls, (request, response) => {
  answer(request).then(
    (document) => {
      response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(document ?? { error: 'not_found' }));
    },
    (error: unknown) => response.writeHead(400).end(`${error}\n`),
  );
});
server.listen(Number(values.port), values.address, () => process.stdout.write('ready\n'));

async function answer(request: IncomingMessage): Promise<object | undefined> {
  const { method = '', url = '', headers } = request;
  let form = '';
  for await (const chunk of request.setEncoding('utf8')) {
    form += chunk;
    if (form.length > formLengthMax) throw new Error(`a form has at most ${formLengthMax} characters`);
  }
  return issuers.get(headers.host ?? '')?.(method, url, new URLSearchParams(form));
}

async function issuerNamed(name: string): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  const jwk = { ...(await exportJWK(publicKey)), kid: keyId, alg: algorithm, use: 'sig' };

  const tokenOf = async (form: URLSearchParams) => ({
    access_token: await new SignJWT()
      .setProtectedHeader({ alg: algorithm, kid: keyId, typ: 'at+jwt' })
      .setIssuer(name)
      .setSubject(form.get('username') ?? '')
      .setAudience(form.get('audience') ?? '')
      .setIssuedAt()
      .setExpirationTime(`${lifetimeSeconds} s`)
      .sign(privateKey),
    token_type: 'Bearer',
    expires_in: lifetimeSeconds,
  });

  return async (method, path, form) => {
    switch (`${method} ${path}`) {
      case 'GET /.well-known/openid-configuration':
        return { issuer: name, jwks_uri: `${name}/keys`, token_endpoint: `${name}/token` };
      case 'GET /keys':
        return { keys: [jwk] };
      case 'POST /token':
        return tokenOf(form);
      default:
        return undefined;
    }
  };
}
