/** How long keys are held, how often an issuer is asked, and how much is held at most. */
import { expect, test } from 'vitest';
import { coolDownMs, issuersMax, KeyBook, type KeyNews, keysFreshMs, waitersMax } from '../../src/oidc/key-book.ts';
import { jwks, signingKey } from './support/token-forge.ts';

const key = signingKey('a', 'ed25519');
const source = { issuer: 'https://idp.shop.example', jwksUri: undefined };

/** A book whose fetches end when the test says so. */
function bookByHand() {
  const open: { answer(document: Uint8Array): void; fail(error: unknown): void }[] = [];
  const news: KeyNews[] = [];
  const book = new KeyBook(
    () => new Promise((answer, fail) => open.push({ answer, fail })),
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
  // Those who waited are gone, so the next ones may.
  expect(book.look(source, coolDownMs).kind).toBe('wait');
});

test('an issuer that fails is asked once in a cool-down', async () => {
  const { book, open, news } = bookByHand();
  const first = waitFor(book, 0);
  open[0]?.fail('a reason that is no error');
  await first;
  for (let nowMs = 0; nowMs < coolDownMs; nowMs += 1_000) expect(book.look(source, nowMs).kind).toBe('none');
  expect(open).toHaveLength(1);
  expect(book.look(source, coolDownMs).kind).toBe('wait');
  expect(news).toEqual([{ kind: 'failed', issuer: source.issuer, why: 'no reason was given' }]);
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
  expect(book.look(source, 0).kind).toBe('wait');
});

test('keys are held for so many issuers, and the one unused for longest is forgotten', () => {
  const { book, open } = bookByHand();
  for (let index = 0; index < issuersMax + 10; index += 1) {
    book.prepare(source, 0);
    book.prepare({ issuer: `https://idp-${index}.example`, jwksUri: undefined }, 0);
  }
  expect(book.size).toBe(issuersMax);
  book.prepare(source, 0);
  expect(open).toHaveLength(issuersMax + 11);
});
