/** SEC-42, SEC-53: whatever comes as a token, it throws nothing and lets nobody in but the bearer of a good one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claims, FakeIssuers, nowMs, provider } from './support/issuer.ts';
import { jwks, part, signingKey, token } from './support/token-forge.ts';

const rsa = signingKey('a');
const curve = signingKey('b', 'P-256');
const edwards = signingKey('c', 'ed25519');
const good = [token(rsa, claims), token(curve, claims, { alg: 'ES256' }), token(edwards, claims, { alg: 'EdDSA' })];
const providers = [provider];
const issuers = new FakeIssuers(jwks(rsa.listed(), curve.listed(), edwards.listed()));
issuers.verifier.prepare(providers, nowMs);

async function kindOf(text: string): Promise<string> {
  return (await issuers.verifier.verify(providers, text, nowMs)).kind;
}

test('control: the tokens that are mutated below are valid', async () => {
  expect(await Promise.all(good.map(kindOf))).toEqual(['valid', 'valid', 'valid']);
});

test('random text and bytes are refused', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 512 }).map((bytes) => part(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 4 }), async (parts) => {
      expect(await kindOf(parts.join('.'))).toBe('invalid');
    }),
    { numRuns: 2_000 },
  );
});

test('random JSON as header and claims, good in what it does not change, is refused without the signature', async () => {
  const json = fc.dictionary(fc.constantFrom('alg', 'kid', 'typ', 'iss', 'aud', 'exp', 'sub', 'x'), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(json, json, fc.constantFrom(...good), async (header, said, from) => {
      const [, , signed = ''] = from.split('.');
      const forged = `${part({ alg: 'RS256', kid: 'a', ...header })}.${part({ ...claims, ...said, jti: 'forged' })}.${signed}`;
      expect(await kindOf(forged)).toBe('invalid');
    }),
    { numRuns: 1_000 },
  );
});

test('random claims under a good signature throw nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.constantFrom(...Object.keys(claims), 'groups', 'nbf', 'x'), fc.jsonValue()),
      async (said) => {
        expect(['valid', 'invalid']).toContain(await kindOf(token(edwards, { ...claims, ...said }, { alg: 'EdDSA' })));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a good token with one letter changed, left out, doubled or swapped is refused', async () => {
  const letter = fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\u0000é');
  const change = fc.constantFrom<(text: string, at: number, by: string) => string>(
    (text, at, by) => text.slice(0, at) + by + text.slice(at + 1),
    (text, at) => text.slice(0, at) + text.slice(at + 1),
    (text, at) => text.slice(0, at) + text.charAt(at) + text.slice(at),
    (text, at) => text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2),
    (text, at, by) => text.slice(0, at) + by + text.slice(at),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...good), change, fc.nat(2_000), letter, async (text, mutate, place, by) => {
      const mutant = mutate(text, place % text.length, by);
      expect(await kindOf(mutant)).toBe(mutant === text ? 'valid' : 'invalid');
    }),
    { numRuns: 3_000 },
  );
});
