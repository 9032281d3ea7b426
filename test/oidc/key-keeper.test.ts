/** Keys that nobody asked for yet, renewed while nobody asks. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { coolDownMs, keysFreshMs } from '../../src/oidc/key-book.ts';
import { KeyKeeper } from '../../src/oidc/key-keeper.io.ts';
import { TestClock } from '../xds/test-clock.ts';
import { claims, FakeIssuers, provider } from './support/issuer.ts';
import { jwks, signingKey, token } from './support/token-forge.ts';

const key = signingKey('a');
const startMs = new TestClock().nowMs();
const good = token(key, { ...claims, iat: startMs / 1_000, exp: startMs / 1_000 + 86_400 });

/** Half minutes as they pass, each with what was asked for taken in. */
async function pass(clock: TestClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += coolDownMs) {
    clock.advance(coolDownMs);
    await setImmediate();
  }
}

function bench(document?: Uint8Array) {
  const clock = new TestClock();
  const issuers = new FakeIssuers(document);
  return { clock, issuers, keeper: new KeyKeeper({ verifier: issuers.verifier, clock }) };
}

test('the first token finds its keys at hand', async () => {
  const { clock, issuers, keeper } = bench(jwks(key.listed()));
  keeper.keep([provider]);
  await setImmediate();
  expect(issuers.verifier.verify([provider], good, clock.nowMs())).toMatchObject({ kind: 'valid' });
  expect(issuers.asked).toHaveLength(1);
});

test('keys are renewed as they age, and one that was withdrawn is known of though no token came', async () => {
  const { clock, issuers, keeper } = bench(jwks(key.listed()));
  keeper.keep([provider]);
  await setImmediate();
  issuers.documents.set(provider.issuer, jwks(signingKey('b').listed()));
  await pass(clock, keysFreshMs);
  expect(issuers.verifier.verify([provider], good, clock.nowMs())).toMatchObject({ kind: 'invalid' });
  expect(issuers.asked.length).toBeLessThanOrEqual(3);
});

test('a dead issuer that comes back is believed within half a minute, with no token asking', async () => {
  const { clock, issuers, keeper } = bench();
  keeper.keep([provider]);
  await setImmediate();
  await pass(clock, 10 * coolDownMs);
  expect(issuers.news.map(({ kind }) => kind)).toEqual(Array.from({ length: 11 }, () => 'failed'));
  issuers.documents.set(provider.issuer, jwks(key.listed()));
  await pass(clock, coolDownMs);
  expect(issuers.verifier.verify([provider], good, clock.nowMs())).toMatchObject({ kind: 'valid' });
});

test('nobody is asked any more where the providers are gone, and after the end', async () => {
  const { clock, issuers, keeper } = bench();
  keeper.keep([provider]);
  keeper.keep([]);
  await pass(clock, 4 * coolDownMs);
  expect(issuers.asked).toHaveLength(1);
  keeper.keep([provider]);
  keeper.stop();
  await pass(clock, 4 * coolDownMs);
  expect(issuers.asked).toHaveLength(2);
});
