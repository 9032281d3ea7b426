/** What each vendor's tokens look like (pages: docs/identity-providers.md), who gets in with them, and who does not. */
import { describe, expect, test } from 'vitest';
import type { IdentityProvider, Preset } from '../../src/oidc/identity-provider.ts';
import { FakeIssuers, nowMs, nowSeconds } from './support/issuer.ts';
import { jwks, signingKey, token } from './support/token-forge.ts';

const directory = '11111111-2222-3333-4444-555555555555';
const stranger = '99999999-2222-3333-4444-555555555555';
const key = signingKey('a');

const providers: Readonly<Record<Preset | 'entraV1' | 'oktaOrganisation', IdentityProvider>> = {
  google: of('google', 'https://accounts.google.com', 'orders.apps.googleusercontent.com', ['shop.example']),
  entra: of('entra', `https://login.microsoftonline.com/${directory}/v2.0`, '66666666-7777-8888-9999-000000000000'),
  entraV1: of('entra', `https://sts.windows.net/${directory}/`, 'api://orders'),
  okta: of('okta', 'https://shop.okta.com/oauth2/default', 'api://orders'),
  oktaOrganisation: of('okta', 'https://shop.okta.com', '0oa1'),
  jumpcloud: of('jumpcloud', 'https://oauth.id.jumpcloud.com/', 'c1'),
  auth0: of('auth0', 'https://shop.eu.auth0.com/', 'https://orders.shop.example'),
  oidc: of('oidc', 'https://idp.shop.example/realms/staff', 'orders'),
};

function of(preset: Preset, issuer: string, audience: string, hostedDomains: readonly string[] = []): IdentityProvider {
  return { name: preset, preset, issuer, audiences: [audience], hostedDomains };
}

async function verify(
  provider: IdentityProvider,
  said: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
) {
  const issuers = new FakeIssuers();
  issuers.documents.set(provider.issuer, jwks(key.listed()));
  const claims = {
    iss: provider.issuer,
    aud: provider.audiences[0],
    sub: 'ada',
    iat: nowSeconds,
    exp: nowSeconds + 60,
  };
  return await issuers.verifier.verify([provider], token(key, { ...claims, ...said }, header), nowMs);
}

describe('a token as the vendor makes it is valid', () => {
  test.each<[string, IdentityProvider, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['Google ID token of a Workspace account', providers.google, { hd: 'shop.example', azp: 'android' }, []],
    ['Entra v2 access token', providers.entra, { tid: directory, ver: '2.0', groups: ['g1', 'g2'] }, ['g1', 'g2']],
    ['Entra v1 access token', providers.entraV1, { tid: directory, ver: '1.0', appid: 'x' }, []],
    ['Okta access token of a custom server', providers.okta, { cid: '0oa1', scp: ['read'], groups: ['it'] }, ['it']],
    ['Okta ID token of the organisation', providers.oktaOrganisation, { ver: 1, groups: ['it'] }, ['it']],
    ['JumpCloud ID token', providers.jumpcloud, { groups: ['staff'] }, ['staff']],
    [
      'Auth0 access token with its userinfo audience',
      providers.auth0,
      { aud: ['https://orders.shop.example', 'https://shop.eu.auth0.com/userinfo'], azp: 'spa', scope: 'openid' },
      [],
    ],
    [
      'Auth0 groups in a claim of one’s own',
      { ...providers.auth0, groupsClaim: 'https://shop.example/groups' },
      { 'https://shop.example/groups': ['staff'] },
      ['staff'],
    ],
    ['any issuer’s groups', providers.oidc, { groups: ['staff'] }, ['staff']],
    ['one group as a text', providers.oidc, { groups: 'staff' }, ['staff']],
  ])('%s', async (_, provider, said, groups) => {
    expect(await verify(provider, said)).toMatchObject({ kind: 'valid', provider: provider.name, groups });
  });
});

describe('a stranger with an account of the same vendor is refused', () => {
  test.each<[string, IdentityProvider, Readonly<Record<string, unknown>>, RegExp]>([
    ['a Google consumer account', providers.google, { email: 'ada@gmail.com', email_verified: true }, /no `hd`/],
    ['another Workspace', providers.google, { hd: 'thief.example' }, /not a hosted domain/],
    ['a subdomain of ours', providers.google, { hd: 'x.shop.example' }, /not a hosted domain/],
    ['a domain in a list', providers.google, { hd: ['shop.example'] }, /no `hd`/],
    ['an address that looks like ours', providers.google, { email: 'ada@shop.example' }, /no `hd`/],
    ['another directory under our issuer', providers.entra, { tid: stranger, ver: '2.0' }, /`tid`/],
    ['no directory', providers.entra, { ver: '2.0' }, /`tid`/],
    ['a v1 token under the v2 issuer', providers.entra, { tid: directory, ver: '1.0' }, /`ver`/],
    ['a v2 token under the v1 issuer', providers.entraV1, { tid: directory, ver: '2.0' }, /`ver`/],
    ['another organisation’s client at JumpCloud', providers.jumpcloud, { aud: 'c2' }, /another audience/],
  ])('%s', async (_, provider, said, why) => {
    expect(await verify(provider, said)).toEqual({ kind: 'invalid', why: expect.stringMatching(why) });
  });

  test('the hosted domain in other letters is the same domain', async () => {
    expect(await verify(providers.google, { hd: 'Shop.Example' })).toMatchObject({ kind: 'valid' });
  });

  test('a Google provider whose domains were lost on the way lets nobody in', async () => {
    const provider = { ...providers.google, hostedDomains: [] };
    expect(await verify(provider, { hd: 'shop.example' })).toMatchObject({ kind: 'invalid' });
  });
});

describe('a token that only its vendor can verify is refused, with the cure', () => {
  test('Microsoft Graph', async () => {
    const verdict = await verify(providers.entraV1, { tid: directory, ver: '1.0' }, { nonce: 'x' });
    expect(verdict).toMatchObject({ why: expect.stringMatching(/Microsoft Graph/) });
  });

  test('an access token of an Okta organisation’s own server', async () => {
    const verdict = await verify(providers.oktaOrganisation, { scp: ['openid'] });
    expect(verdict).toMatchObject({ why: expect.stringMatching(/custom authorization server/) });
  });

  test.each(['google', 'jumpcloud', 'oktaOrganisation'] as const)('`at+jwt` of %s', async (name) => {
    const verdict = await verify(providers[name], { hd: 'shop.example' }, { typ: 'at+jwt' });
    expect(verdict).toMatchObject({ kind: 'invalid', why: expect.stringMatching(/ID token/) });
  });
});

describe('groups that are not told are not "no groups"', () => {
  const entra = { tid: directory, ver: '2.0' };
  test.each([
    ['by reference', { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph' } } }],
    ['by a flag', { hasgroups: true }],
  ])('too many, said %s', async (_, said) => {
    expect(await verify(providers.entra, { ...entra, ...said })).toMatchObject({
      kind: 'valid',
      groups: [],
      untold: {
        groups: true,
        claims: ['groups'],
        why: expect.stringMatching(/overage.*only groups assigned.*learn[.]microsoft[.]com/),
      },
    });
  });

  test('nor are those beside them that a token which has too many still shows', async () => {
    const verdict = await verify(providers.entra, { ...entra, hasgroups: true, groups: ['staff'] });
    expect(verdict).toMatchObject({ kind: 'valid', groups: [], untold: { groups: true } });
  });

  test('another provider’s advice names no vendor, and other claims may be elsewhere as well', async () => {
    const elsewhere = { _claim_names: { groups: 'a', address: 'b' }, _claim_sources: {} };
    expect(await verify(providers.oidc, elsewhere)).toMatchObject({
      untold: { groups: true, claims: ['groups', 'address'], why: expect.not.stringMatching(/Entra|microsoft/) },
    });
    expect(await verify(providers.oidc, { _claim_names: { address: 'b' }, groups: ['staff'] })).toMatchObject({
      groups: ['staff'],
      untold: { groups: false, claims: ['address'], why: expect.stringMatching(/says it elsewhere/) },
    });
  });

  test('as many groups as Entra sends are read', async () => {
    const groups = Array.from({ length: 200 }, (_, index) => `${directory.slice(0, -3)}${100 + index}`);
    expect(await verify(providers.entra, { ...entra, groups })).toMatchObject({ kind: 'valid', groups });
  });

  test('too many groups do not matter where roles are read instead', async () => {
    const provider = { ...providers.entra, groupsClaim: 'roles' };
    const verdict = await verify(provider, { ...entra, hasgroups: true, roles: ['Orders.Read'] });
    expect(verdict).toMatchObject({ kind: 'valid', groups: ['Orders.Read'], untold: { groups: false } });
  });

  test.each([[{ staff: true }], [7], [[7]], [null]])('a claim of another shape, %j, is refused', async (groups) => {
    expect(await verify(providers.oidc, { groups })).toMatchObject({ why: expect.stringMatching(/no list of texts/) });
  });
});
