import type { PeerCertificate } from 'node:tls';
import { expect, test } from 'vitest';
import { peerOf, spiffeUrisOf } from '../../src/grpc/peer.ts';

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

test('the certificate of a connection is read once, and that of each connection for itself', () => {
  let read = 0;
  const callOn = (session: object, account: string) => ({
    call: { stream: { session } },
    getAuthContext() {
      read += 1;
      const subjectaltname = `URI:spiffe://a/ns/b/sa/${account}`;
      return { sslPeerCertificate: { subjectaltname, valid_to: 'Jan  1 00:00:00 2027 GMT' } as PeerCertificate };
    },
  });
  const [first, second] = [{}, {}];
  const seen = [callOn(first, 'c'), callOn(second, 'd'), callOn(first, 'c')].map(peerOf);
  const uris = seen.map((peer) => (peer.kind === 'certificate' ? peer.spiffeUris : []));
  expect(uris).toEqual(['c', 'd', 'c'].map((account) => [`spiffe://a/ns/b/sa/${account}`]));
  expect(read).toBe(2);
});

test('where no session can be told, the certificate is read for each call', () => {
  let read = 0;
  const call = {
    getAuthContext() {
      read += 1;
      return {};
    },
  };
  expect([peerOf(call), peerOf(call)]).toEqual([{ kind: 'none' }, { kind: 'none' }]);
  expect(read).toBe(2);
});
