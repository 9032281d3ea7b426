/** Whose provider counts, what is remembered, and what ends a remembered token. */
import { describe, expect, test } from 'vitest';
import type { IdentityProvider } from '../../src/oidc/identity-provider.ts';
import { coolDownMs, keysFreshMs, keysStaleMs } from '../../src/oidc/key-book.ts';
import { claims, FakeIssuers, nowMs, provider } from './support/issuer.ts';
import { jwks, signingKey, token } from './support/token-forge.ts';

const key = signingKey('a');
const other = signingKey('b');
const document = jwks(key.listed());
const good = token(key, claims);
/** Good for a week: what outlives the keys must end with them. */
const weekly = token(key, { ...claims, exp: claims.exp + 7 * 86_400 });
const providers = [provider];

/** A verifier that has its keys. */
async function prepared(list: readonly IdentityProvider[] = providers): Promise<FakeIssuers> {
  const issuers = new FakeIssuers(document);
  issuers.verifier.prepare(list, nowMs);
  await settled();
  return issuers;
}

/** Lets what a fake issuer answered be taken in. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe('the answer is at hand', () => {
  test('with a promise where keys must be fetched, at once where they are known', async () => {
    const issuers = new FakeIssuers(document);
    const first = issuers.verifier.verify(providers, good, nowMs);
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toMatchObject({ kind: 'valid' });
    expect(issuers.verifier.verify(providers, token(key, { ...claims, sub: 'bob' }), nowMs)).toMatchObject({
      subject: 'bob',
    });
    expect(issuers.asked).toHaveLength(1);
  });

  test('for a token seen before, by the very verdict of before', async () => {
    const { verifier } = await prepared();
    const first = verifier.verify(providers, good, nowMs);
    expect(first).toMatchObject({ kind: 'valid', expiresAtMs: claims.exp * 1_000 });
    expect(verifier.verify(providers, good, nowMs + 1)).toBe(first);
  });

  test('for a forged token seen before, for ten seconds', async () => {
    const { verifier } = await prepared();
    const forged = token({ ...other, kid: 'a' }, claims);
    const first = verifier.verify(providers, forged, nowMs);
    expect(first).toMatchObject({ kind: 'invalid' });
    expect(verifier.verify(providers, forged, nowMs + 9_999)).toBe(first);
    expect(verifier.verify(providers, forged, nowMs + 10_000)).not.toBe(first);
  });
});

describe('what ends a remembered token', () => {
  test('its end, plus the skew', async () => {
    const { verifier } = await prepared();
    verifier.verify(providers, good, nowMs);
    const endMs = claims.exp * 1_000 + 60_000;
    expect(verifier.verify(providers, good, endMs - 1)).toMatchObject({ kind: 'valid' });
    expect(verifier.verify(providers, good, endMs)).toMatchObject({ kind: 'invalid', why: 'the token has expired' });
  });

  test('the removal of its provider from the tenant, at once', async () => {
    const { verifier } = await prepared();
    expect(verifier.verify(providers, good, nowMs)).toMatchObject({ kind: 'valid' });
    expect(verifier.verify([], good, nowMs)).toMatchObject({ kind: 'invalid' });
  });

  test('another audience of its provider, at once', async () => {
    const { verifier } = await prepared();
    expect(verifier.verify(providers, good, nowMs)).toMatchObject({ kind: 'valid' });
    const changed = [{ ...provider, audiences: ['invoices'] }];
    expect(verifier.verify(changed, good, nowMs)).toMatchObject({ why: 'the token is for another audience' });
  });

  test('the removal of its key from the issuer’s document', async () => {
    const issuers = await prepared();
    expect(issuers.verifier.verify(providers, weekly, nowMs)).toMatchObject({ kind: 'valid' });
    issuers.documents.set(provider.issuer, jwks(other.listed()));
    const laterMs = nowMs + keysFreshMs;
    // Stale keys answer while newer ones are fetched.
    expect(issuers.verifier.verify(providers, weekly, laterMs)).toMatchObject({ kind: 'valid' });
    await settled();
    expect(issuers.verifier.verify(providers, weekly, laterMs)).toMatchObject({ why: expect.stringMatching(/no key/) });
    expect(issuers.verifier.verify(providers, token(other, claims), laterMs)).toMatchObject({ kind: 'valid' });
  });

  test('an issuer that lists no key any more is believed', async () => {
    const issuers = await prepared();
    issuers.documents.set(provider.issuer, jwks());
    issuers.verifier.verify(providers, weekly, nowMs + keysFreshMs);
    await settled();
    expect(issuers.verifier.verify(providers, weekly, nowMs + keysFreshMs)).toMatchObject({ kind: 'invalid' });
  });

  test('the age of the keys, where the issuer is gone: valid to the last ms of a day, then denied', async () => {
    const issuers = await prepared();
    issuers.documents.set(provider.issuer, new Error('gone'));
    expect(issuers.verifier.verify(providers, weekly, nowMs + keysStaleMs - 1)).toMatchObject({ kind: 'valid' });
    await settled();
    expect(await issuers.verifier.verify(providers, weekly, nowMs + keysStaleMs)).toEqual({
      kind: 'invalid',
      why: 'the keys of the issuer are too old: gone',
    });
    // And back with the first fetch that succeeds, which nobody waits for.
    issuers.documents.set(provider.issuer, document);
    const backMs = nowMs + keysStaleMs + coolDownMs;
    expect(issuers.verifier.verify(providers, weekly, backMs)).toMatchObject({ kind: 'invalid' });
    await settled();
    expect(issuers.verifier.verify(providers, weekly, backMs)).toMatchObject({ kind: 'valid' });
  });

  test('nothing: a token that was refetched under the same keys stays the very same verdict', async () => {
    const issuers = await prepared();
    const first = issuers.verifier.verify(providers, weekly, nowMs);
    issuers.verifier.verify(providers, weekly, nowMs + keysFreshMs);
    await settled();
    expect(issuers.asked).toHaveLength(2);
    expect(issuers.verifier.verify(providers, weekly, nowMs + keysFreshMs)).toBe(first);
  });
});

describe('SEC-42: a token of another tenant’s issuer is nothing here', () => {
  const ours: IdentityProvider = { ...provider, name: 'ours', issuer: 'https://idp.bank.example' };

  test('even while its keys are held for the other tenant', async () => {
    const issuers = await prepared();
    expect(issuers.verifier.verify(providers, good, nowMs)).toMatchObject({ kind: 'valid' });
    expect(issuers.verifier.verify([ours], good, nowMs)).toMatchObject({
      why: 'no identity provider of this tenant has the issuer of the token',
    });
  });

  test('nor do keys that one tenant points an issuer at verify it for another', async () => {
    const theirs: IdentityProvider = { ...provider, jwksUri: 'https://thief.example/keys' };
    const issuers = new FakeIssuers(document);
    issuers.documents.set('https://thief.example/keys', jwks(other.listed()));
    const forged = token(other, claims);
    expect(await issuers.verifier.verify([theirs], forged, nowMs)).toMatchObject({ kind: 'valid' });
    expect(await issuers.verifier.verify(providers, forged, nowMs)).toMatchObject({ kind: 'invalid' });
    expect(await issuers.verifier.verify(providers, good, nowMs)).toMatchObject({ kind: 'valid' });
  });

  test('a tenant without providers knows nobody', () => {
    expect(new FakeIssuers(document).verifier.verify([], good, nowMs)).toMatchObject({ kind: 'invalid' });
  });

  test('each of several providers of one tenant verifies its own', async () => {
    const second: IdentityProvider = { ...ours, audiences: ['orders'] };
    const list = [provider, second];
    const issuers = new FakeIssuers(document);
    issuers.documents.set(second.issuer, jwks(other.listed()));
    const byOther = token(other, { ...claims, iss: second.issuer });
    expect(await issuers.verifier.verify(list, good, nowMs)).toMatchObject({ provider: 'staff' });
    expect(await issuers.verifier.verify(list, byOther, nowMs)).toMatchObject({ provider: 'ours' });
    const crossed = token(key, { ...claims, iss: second.issuer });
    expect(await issuers.verifier.verify(list, crossed, nowMs)).toMatchObject({ kind: 'invalid' });
  });
});

describe('SEC-43: keys that cannot be had', () => {
  test('a token is denied, with the reason, and never by a default key', async () => {
    const issuers = new FakeIssuers();
    const refusal = { kind: 'invalid', why: 'the keys of the issuer cannot be had: the host answered 404' };
    expect(await issuers.verifier.verify(providers, good, nowMs)).toEqual(refusal);
    expect(issuers.news).toEqual([
      { kind: 'failed', issuer: provider.issuer, why: 'the host answered 404', meanwhile: 'none' },
    ]);
    // At once, and without asking again; and at once too when the issuer is asked again, behind the back.
    expect(issuers.verifier.verify(providers, good, nowMs + 1)).toEqual(refusal);
    expect(issuers.asked).toHaveLength(1);
    expect(issuers.verifier.verify(providers, good, nowMs + coolDownMs)).toEqual(refusal);
    expect(issuers.asked).toHaveLength(2);
  });

  test('a thousand forged key ids are one question to the issuer in a cool-down', async () => {
    const issuers = await prepared();
    for (let index = 0; index < 1_000; index += 1) {
      const forged = token(other, claims, { kid: `forged-${index}` });
      const verdict = await issuers.verifier.verify(providers, forged, nowMs + coolDownMs + index);
      expect(verdict).toMatchObject({ kind: 'invalid' });
    }
    expect(issuers.asked).toHaveLength(2);
  });

  test('a new key is found with the first token it signed, once the cool-down is over', async () => {
    const issuers = await prepared();
    issuers.documents.set(provider.issuer, jwks(key.listed(), other.listed()));
    const fresh = token(other, claims);
    expect(issuers.verifier.verify(providers, fresh, nowMs + coolDownMs - 1)).toMatchObject({ kind: 'invalid' });
    const answer = issuers.verifier.verify(providers, fresh, nowMs + coolDownMs);
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toMatchObject({ kind: 'valid' });
  });
});
