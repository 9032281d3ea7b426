/** Which listed keys are read, and which key answers to an id and an algorithm. */
import { describe, expect, test } from 'vitest';
import { KeySet, keysMax } from '../../src/oidc/key-set.ts';
import { jwks, type KeyKind, signingKey } from './support/token-forge.ts';

const rsa = signingKey('a');

describe('a listed key is passed over', () => {
  const { y: _, ...without } = signingKey('a', 'P-256').listed();
  test.each([
    ['for encryption', rsa.listed({ use: 'enc' })],
    ['with operations that are not ours', rsa.listed({ key_ops: ['encrypt'] })],
    ['with an id that is no text', rsa.listed({ kid: 7 })],
    ['symmetric', { kty: 'oct', kid: 'a', k: 'c2VjcmV0', alg: 'HS256' }],
    ['RSA of 1,024 bits', signingKey('a', 'rsa-1024').listed()],
    ['RSA with an exponent of one', rsa.listed({ e: 'AQ' })],
    ['on a curve of no algorithm', signingKey('a', 'secp256k1').listed()],
    ['half a point', without],
    ['off its curve', signingKey('a', 'P-256').listed({ x: signingKey('b', 'P-256').listed()['x'] })],
    ['nothing', {}],
  ])('%s', (_name, listed) => {
    expect(KeySet.read(jwks(listed)).size).toBe(0);
  });

  test('that is no object', () => {
    expect(KeySet.read(Buffer.from('{"keys":[null,7,"key",[]]}')).size).toBe(0);
  });
});

test('a private half that leaked into the document is not needed and not read', () => {
  const leaked = { ...rsa.listed(), ...rsa.privateKey.export({ format: 'jwk' }), kid: 'a' };
  expect(KeySet.read(jwks(leaked)).find('RS256', 'a')?.type).toBe('public');
});

test.each<[KeyKind, string]>([
  ['P-256', 'ES256'],
  ['P-384', 'ES384'],
  ['P-521', 'ES512'],
  ['ed25519', 'EdDSA'],
])('a key of %s answers to %s and to no other algorithm', (kind, algorithm) => {
  const keys = KeySet.read(jwks(signingKey('a', kind).listed()));
  const answers = (['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const).filter((name) =>
    keys.find(name, 'a'),
  );
  expect(answers).toEqual([algorithm]);
});

test('a key that names its algorithm answers to that one only', () => {
  const keys = KeySet.read(jwks(rsa.listed({ alg: 'RS256' })));
  expect(keys.find('RS256', 'a')).toBeDefined();
  expect(keys.find('PS256', 'a')).toBeUndefined();
});

test('one id for two algorithms is two keys, one id for two keys of one algorithm is none', () => {
  const twice = KeySet.read(jwks(rsa.listed(), signingKey('a', 'P-256').listed()));
  expect(twice.find('RS256', 'a')).toBeDefined();
  expect(twice.find('ES256', 'a')).toBeDefined();
  expect(KeySet.read(jwks(rsa.listed(), signingKey('a').listed())).find('RS256', 'a')).toBeUndefined();
});

test('without an id the only key answers', () => {
  expect(KeySet.read(jwks(rsa.listed({ kid: undefined }))).find('RS256', undefined)).toBeDefined();
});

test.each(['', '[]', '{}', '{"keys":{}}', '{"keys":[]', '{"keys":[],"keys":[]}', '<html></html>'])(
  'the document %j is no JWKS',
  (text) => {
    expect(() => KeySet.read(Buffer.from(text))).toThrow('no JWKS document');
  },
);

test('a document lists so many keys and no more', () => {
  const list = (count: number) =>
    jwks(...Array.from({ length: count }, (_, index) => rsa.listed({ kid: `k${index}` })));
  expect(KeySet.read(list(keysMax)).size).toBe(keysMax);
  expect(() => KeySet.read(list(keysMax + 1))).toThrow('more than');
});
