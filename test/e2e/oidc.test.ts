/** People and robots with tokens of a real OpenID Connect provider, through its rotation and its death. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpsKeyFetcher } from '../../src/oidc/https-key-fetcher.io.ts';
import type { IdentityProvider } from '../../src/oidc/identity-provider.ts';
import { coolDownMs, keysStaleMs } from '../../src/oidc/key-book.ts';
import { TokenVerifier } from '../../src/oidc/token-verifier.ts';
import { type SigningKey, signingKey } from '../oidc/support/token-forge.ts';
import { People } from './oidc-people.ts';

const old = [privateJwk(signingKey('rsa-1')), privateJwk(signingKey('ec-1', 'P-256'))];
const young = [privateJwk(signingKey('rsa-2')), privateJwk(signingKey('ec-2', 'P-256'))];
/** Of the provider's clock, since its tokens are of today; moved on by hand from there. */
let startMs: number;
let people: People;
let providers: readonly IdentityProvider[];

function privateJwk({ kid, privateKey }: SigningKey): object {
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig' };
}

function newVerifier(): TokenVerifier {
  return new TokenVerifier({ fetchKeys: httpsKeyFetcher({ connector: people.connector }), report: () => undefined });
}

beforeAll(async () => {
  people = await People.open(old);
  startMs = Date.now();
  const audiences = ['https://orders.test/', 'orders-web'];
  providers = [{ name: 'staff', preset: 'oidc', issuer: people.issuer, audiences, hostedDomains: [] }];
});

afterAll(async () => {
  await people.close();
});

test('a robot’s access token and a person’s ID token say who bears them', async () => {
  const verifier = newVerifier();
  const robot = await people.robotToken('https://orders.test/');
  expect(await verifier.verify(providers, robot, startMs)).toMatchObject({
    kind: 'valid',
    provider: 'staff',
    issuer: people.issuer,
    subject: 'robot',
    groups: ['robots'],
    claims: { scope: 'read' },
  });
  const { idToken } = await people.signIn();
  expect(verifier.verify(providers, idToken, startMs)).toMatchObject({
    kind: 'valid',
    subject: 'ada',
    groups: ['staff'],
  });
});

test('a token for another audience, an opaque one, and any one at another tenant are refused', async () => {
  const verifier = newVerifier();
  const elsewhere = await people.robotToken('https://invoices.test/');
  expect(await verifier.verify(providers, elsewhere, startMs)).toMatchObject({
    why: 'the token is for another audience',
  });
  const { idToken, accessToken } = await people.signIn();
  expect(await verifier.verify(providers, accessToken, startMs)).toMatchObject({
    why: expect.stringMatching(/opaque/),
  });
  const others: readonly IdentityProvider[] = [
    { name: 'staff', preset: 'oidc', issuer: 'https://idp.bank.test', audiences: ['orders-web'], hostedDomains: [] },
  ];
  expect(await verifier.verify(others, idToken, startMs)).toMatchObject({
    why: expect.stringMatching(/no identity provider/),
  });
});

test('through a rotation new tokens are valid with their first request, and old ones end with their key', async () => {
  const verifier = newVerifier();
  const before = await people.robotToken('https://orders.test/');
  expect(await verifier.verify(providers, before, startMs)).toMatchObject({ kind: 'valid' });
  await people.rotate(young);
  const after = await people.robotToken('https://orders.test/');
  expect(verifier.verify(providers, before, startMs)).toMatchObject({ kind: 'valid' });
  const laterMs = startMs + coolDownMs;
  expect(await verifier.verify(providers, after, laterMs)).toMatchObject({ kind: 'valid', subject: 'robot' });
  expect(await verifier.verify(providers, before, laterMs)).toMatchObject({
    kind: 'invalid',
    why: expect.stringMatching(/no key/),
  });
});

test('when the provider dies its keys are good for a day and its tokens no longer, and no new verifier believes them', async () => {
  const verifier = newVerifier();
  const weekly = await people.robotToken('https://orders.test/');
  const { idToken } = await people.signIn();
  expect(await verifier.verify(providers, weekly, startMs)).toMatchObject({ kind: 'valid' });
  expect(await verifier.verify(providers, idToken, startMs)).toMatchObject({ kind: 'valid' });
  await people.kill();
  expect(await newVerifier().verify(providers, idToken, startMs)).toMatchObject({
    why: expect.stringMatching(/^the keys of the issuer cannot be had: connect ECONNREFUSED/),
  });
  expect(await verifier.verify(providers, idToken, startMs + 30 * 60_000)).toMatchObject({ kind: 'valid' });
  expect(await verifier.verify(providers, idToken, startMs + 2 * 3_600_000)).toMatchObject({
    why: 'the token has expired',
  });
  expect(await verifier.verify(providers, weekly, startMs + keysStaleMs - 1)).toMatchObject({ kind: 'valid' });
  expect(await verifier.verify(providers, weekly, startMs + keysStaleMs + coolDownMs)).toMatchObject({
    why: expect.stringMatching(/^the keys of the issuer are too old: connect ECONNREFUSED/),
  });
});
