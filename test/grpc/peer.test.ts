import { expect, test } from 'vitest';
import { spiffeUrisOf } from '../../src/grpc/peer.ts';

const texts: readonly [string, readonly string[]][] = [
  ['', []],
  ['URI:spiffe://a/ns/b/sa/c', ['spiffe://a/ns/b/sa/c']],
  ['DNS:b, URI:spiffe://a/ns/b/sa/c', ['spiffe://a/ns/b/sa/c']],
  ['URI:spiffe://a/1, URI:spiffe://a/2', ['spiffe://a/1', 'spiffe://a/2']],
  ['URI:https://a/ns/b/sa/c, email:spiffe://a', []],
  // A name that holds ", URI:…" to smuggle another in: Node quotes it, and a quote names nobody.
  ['DNS:"x, URI:spiffe://a/ns/b/sa/c"', []],
  ['URI:spiffe://a/ns/b/sa/c, URI:"spiffe://a, URI:spiffe://x"', []],
];

test.each(texts)('from the alternative names `%s` come %j', (text, uris) => {
  expect(spiffeUrisOf(text)).toEqual(uris);
});

test('of a certificate with thousands of names a few are read', () => {
  expect(spiffeUrisOf(Array.from({ length: 5_000 }, (_, n) => `URI:spiffe://a/${n}`).join(', ')).length).toBe(16);
});
