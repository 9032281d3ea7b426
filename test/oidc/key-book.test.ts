/** How long keys are held, how often an issuer is asked, and how much is held at most. */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  coolDownMs,
  issuersMax,
  KeyBook,
  type KeyNews,
  keysFreshMaxMs,
  keysFreshMinMs,
  keysFreshMs,
  keysStaleMs,
  waitersMax,
} from '../../src/oidc/key-book.ts';
import { jwks, signingKey } from './support/token-forge.ts';

const key = signingKey('a', 'ed25519');
const source = { issuer: 'https://idp.shop.example', jwksUri: undefined };

/** A book whose fetches end when the test says so. */
function bookByHand() {
  const open: { answer(document: Uint8Array, maxAgeMs?: number): void; fail(error: unknown): void }[] = [];
  const news: KeyNews[] = [];
  const book = new KeyBook(
    () =>
      new Promise((answer, fail) => {
        open.push({ answer: (document, maxAgeMs) => answer({ document, maxAgeMs }), fail });
      }),
    (told) => news.push(told),
  );
  return { book, open, news };
}

async function waitFor(book: KeyBook, nowMs: number): Promise<void> {
  const found = book.look(source, nowMs);
  if (found.kind === 'wait') await found.fetched;
}

test('whoever comes while keys are fetched waits for the same fetch', async () => {
  const { book, open } = bookByHand();
  const first = waitFor(book, 0);
  const second = waitFor(book, 1);
  expect(open).toHaveLength(1);
  open[0]?.answer(jwks(key.listed()));
  await Promise.all([first, second]);
  expect(book.look(source, 2).kind).toBe('keys');
});

test('no more wait for one issuer than may', async () => {
  const { book, open } = bookByHand();
  const waiting = Array.from({ length: waitersMax }, () => waitFor(book, 0));
  expect(book.look(source, 0).kind).toBe('none');
  open[0]?.fail(new Error('gone'));
  await Promise.all(waiting);
  // Those who waited are gone; after a fetch that failed nobody waits for the next, and after one that succeeded they may.
  expect(book.look(source, coolDownMs).kind).toBe('none');
  open[1]?.answer(jwks(key.listed()));
  await setImmediate();
  expect(book.seekNewer(source, 2 * coolDownMs)).toBeInstanceOf(Promise);
});

test('an issuer that fails is asked once in a cool-down', async () => {
  const { book, open, news } = bookByHand();
  const first = waitFor(book, 0);
  open[0]?.fail('a reason that is no error');
  await first;
  for (let nowMs = 0; nowMs < coolDownMs; nowMs += 1_000) expect(book.look(source, nowMs).kind).toBe('none');
  expect(open).toHaveLength(1);
  expect(book.look(source, coolDownMs).kind).toBe('none');
  expect(open).toHaveLength(2);
  expect(news).toEqual([{ kind: 'failed', issuer: source.issuer, why: 'no reason was given', meanwhile: 'none' }]);
});

test('fresh keys are not asked for again, stale ones once behind the back', async () => {
  const { book, open } = bookByHand();
  const first = waitFor(book, 0);
  open[0]?.answer(jwks(key.listed()));
  await first;
  expect(book.look(source, keysFreshMs - 1).kind).toBe('keys');
  expect(open).toHaveLength(1);
  expect(book.look(source, keysFreshMs).kind).toBe('keys');
  expect(book.look(source, keysFreshMs + 1).kind).toBe('keys');
  expect(open).toHaveLength(2);
});

test('a clock that was set back does not silence the book', async () => {
  const { book, open } = bookByHand();
  const first = waitFor(book, 1_000_000);
  open[0]?.fail(new Error('gone'));
  await first;
  book.look(source, 0);
  expect(open).toHaveLength(2);
});

test('keys that are from the future, as after a clock that was set back, are used while newer ones are asked for', async () => {
  const { book, open } = bookByHand();
  const first = waitFor(book, keysStaleMs);
  open[0]?.answer(jwks(key.listed()));
  await first;
  expect(book.look(source, 1).kind).toBe('keys');
  expect(open).toHaveLength(2);
  // So far back that nobody can say any more that they are young enough.
  expect(book.look(source, 0).kind).toBe('wait');
  open[1]?.answer(jwks(key.listed()));
  await setImmediate();
  book.look(source, 2);
  expect(open).toHaveLength(2);
  book.look(source, keysFreshMs + 1);
  expect(open).toHaveLength(3);
});

test('keys are held for so many issuers, and the one unused for longest is forgotten', () => {
  const { book, open } = bookByHand();
  for (let index = 0; index < issuersMax + 10; index += 1) {
    book.look(source, 0);
    book.look({ issuer: `https://idp-${index}.example`, jwksUri: undefined }, 0);
  }
  expect(book.size).toBe(issuersMax);
  book.look(source, 0);
  expect(open).toHaveLength(issuersMax + 11);
});

test.each([
  ['as long as its issuer says', 20 * 60_000, 20 * 60_000],
  ['as long as is usual where its issuer says nothing', undefined, keysFreshMs],
  ['a minute where its issuer says not at all', 0, keysFreshMinMs],
  ['an hour at most, whatever its issuer says', 86_400_000, keysFreshMaxMs],
])('a set of keys is fresh %s', async (_, maxAgeMs, freshMs) => {
  const { book, open, news } = bookByHand();
  const first = waitFor(book, 0);
  open[0]?.answer(jwks(key.listed()), maxAgeMs);
  await first;
  expect(news).toMatchObject([{ kind: 'fetched', keys: 1, changed: true, freshMs }]);
  book.look(source, freshMs - 1);
  expect(open).toHaveLength(1);
  book.look(source, freshMs);
  expect(open).toHaveLength(2);
});

test('what is prepared is asked for, and what is prepared no more is forgotten', () => {
  const { book, open } = bookByHand();
  const others = ['a', 'b'].map((name) => ({ issuer: `https://${name}.example`, jwksUri: undefined }));
  book.prepare([source, ...others, source], 0);
  expect([open.length, book.size]).toEqual([3, 3]);
  book.prepare([source], 1);
  expect([open.length, book.size]).toEqual([3, 1]);
});

test('no more is prepared than is held, so that none pushes out another for ever', () => {
  const { book, open } = bookByHand();
  const many = Array.from({ length: issuersMax + 10 }, (_, index) => ({ issuer: `https://idp-${index}.example` }));
  // Each workload of a tenant names its providers: the first is there more often than all others together.
  many.unshift(...Array.from({ length: 2 * issuersMax }, () => ({ issuer: 'https://idp-0.example' })));
  for (const nowMs of [0, 1])
    book.prepare(
      many.map((each) => ({ ...each, jwksUri: undefined })),
      nowMs,
    );
  expect(open).toHaveLength(issuersMax);
});

test('a census says by what tokens are judged, and since when', async () => {
  const { book, open, news } = bookByHand();
  const other = { issuer: 'https://idp.bank.example', jwksUri: undefined };
  book.prepare([source, other], 5);
  expect(book.census(5)).toEqual({ states: { fresh: 0, stale: 0, none: 2 }, oldestMs: undefined });
  for (const { answer } of open) answer(jwks(key.listed()));
  await setImmediate();
  expect(book.census(6)).toEqual({ states: { fresh: 2, stale: 0, none: 0 }, oldestMs: 5 });
  book.look(source, 5 + keysFreshMs);
  open[2]?.fail(new Error('gone'));
  await setImmediate();
  expect(news.at(-1)).toMatchObject({ kind: 'failed', why: 'gone', meanwhile: 'stale' });
  book.look(other, 6 + keysFreshMs);
  open[3]?.answer(jwks(key.listed()));
  await setImmediate();
  expect(book.census(7 + keysFreshMs)).toEqual({ states: { fresh: 1, stale: 1, none: 0 }, oldestMs: 5 });
  expect(book.census(5 + keysStaleMs)).toMatchObject({
    states: { fresh: 0, stale: 1, none: 1 },
    oldestMs: 6 + keysFreshMs,
  });
});
