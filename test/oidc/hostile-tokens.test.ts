/** SEC-42: tokens that somebody made to be let in. Each is one change away from a good one, which is the control. */
import { describe, expect, test } from 'vitest';
import type { TokenVerdict } from '../../src/oidc/token-verdict.ts';
import { tokenLengthMax } from '../../src/oidc/token-verifier.ts';
import {
  document,
  ec,
  edwards,
  goodToken,
  header,
  hostileTokens,
  respelt,
  rsa,
  signedParts,
} from './support/hostile-tokens.ts';
import { claims, FakeIssuers, nowMs, nowSeconds, provider } from './support/issuer.ts';
import { jwks, part, signature, signingKey, token } from './support/token-forge.ts';

function verify(text: string, atMs = nowMs): TokenVerdict | Promise<TokenVerdict> {
  return new FakeIssuers(document).verifier.verify([provider], text, atMs);
}

async function expectRefused(text: string, why: RegExp): Promise<void> {
  const verdict = await verify(text);
  expect(verdict).toEqual({ kind: 'invalid', why: expect.stringMatching(why) });
}

describe('control: a token as the provider makes it is valid', () => {
  test.each([
    ['RS256', rsa],
    ['RS384', rsa],
    ['RS512', rsa],
    ['PS256', rsa],
    ['PS384', rsa],
    ['PS512', rsa],
    ['ES256', ec],
    ['EdDSA', edwards],
  ])('%s', async (alg, key) => {
    expect(await verify(token(key, claims, { alg }))).toMatchObject({
      kind: 'valid',
      subject: 'ada',
      provider: 'staff',
    });
  });

  test.each([undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+JWT'])('of type %s', async (typ) => {
    expect(await verify(token(rsa, claims, { typ }))).toMatchObject({ kind: 'valid' });
  });
});

describe('SEC-42: refused, and nobody is asked for keys but the issuer', () => {
  test.each(hostileTokens)('$name', async ({ text, why, asksNobody }) => {
    const issuers = new FakeIssuers(document);
    const verdict = await issuers.verifier.verify([provider], text, nowMs);
    expect(verdict).toEqual({ kind: 'invalid', why: expect.stringMatching(why) });
    const asked = new Set(issuers.asked.map(({ issuer, jwksUri }) => jwksUri ?? issuer));
    expect([...asked].filter((source) => asksNobody || source !== provider.issuer)).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test('every name says one thing', () => {
    expect(new Set(hostileTokens.map(({ name }) => name)).size).toBe(hostileTokens.length);
  });
});

test('SEC-42: without a key id, and with two keys that could have signed, nothing is tried', async () => {
  const second = signingKey('2027-02');
  const issuers = new FakeIssuers(jwks(rsa.listed(), second.listed()));
  const verdict = await issuers.verifier.verify([provider], token(rsa, claims, { kid: undefined }), nowMs);
  expect(verdict).toMatchObject({ kind: 'invalid', why: expect.stringMatching(/no key/) });
});

test('an audience of the issuer’s own beside ours is accepted', async () => {
  const said = { ...claims, aud: ['orders', `${provider.issuer}/userinfo`] };
  expect(await verify(token(rsa, said))).toMatchObject({ kind: 'valid' });
});

describe('clock skew: the limits are met exactly', () => {
  const { exp } = claims;
  test.each([
    ['59.999 s after `exp`', { exp }, exp * 1_000 + 59_999, 'valid'],
    ['60 s after `exp`', { exp }, exp * 1_000 + 60_000, 'invalid'],
    ['60 s before `nbf`', { nbf: nowSeconds }, nowMs - 60_000, 'valid'],
    ['60.001 s before `nbf`', { nbf: nowSeconds }, nowMs - 60_001, 'invalid'],
    ['60 s before `iat`', { iat: nowSeconds }, nowMs - 60_000, 'valid'],
    ['60.001 s before `iat`', { iat: nowSeconds }, nowMs - 60_001, 'invalid'],
  ])('%s', async (_, changed, atMs, kind) => {
    const { iat: __, ...timeless } = claims;
    expect(await verify(token(rsa, { ...timeless, ...changed }), atMs)).toMatchObject({ kind });
  });
});

describe('SEC-42: spellings', () => {
  test('nothing is refused', async () => {
    await expectRefused('', /three parts/);
  });

  test.each([
    ['a line end', `${goodToken}\n`],
    ['a space', ` ${goodToken}`],
    ['a NUL', `${goodToken}\u0000`],
  ])('%s is refused', async (_, text) => {
    await expectRefused(text, /base64url/);
  });

  test('one signature has one spelling: the other one says the same bytes', () => {
    const bytes = (text: string) => Buffer.from(text.split('.')[2] ?? '', 'base64url');
    expect(bytes(respelt)).toEqual(bytes(goodToken));
  });

  test('ES256: DER is not taken, nor a signature with bytes behind it', async () => {
    const text = `${part({ alg: 'ES256', kid: ec.kid })}.${part(claims)}`;
    const raw = signature('ES256', ec.privateKey, text);
    expect(await verify(`${text}.${part(raw)}`)).toMatchObject({ kind: 'valid' });
    await expectRefused(`${text}.${part(derOf(raw))}`, /signature/);
    await expectRefused(`${text}.${part(Buffer.concat([raw, Buffer.from([0])]))}`, /signature/);
    await expectRefused(`${text}.${part(Buffer.alloc(64))}`, /signature/);
  });

  test('a megabyte is refused before anything of it is read', async () => {
    const issuers = new FakeIssuers(document);
    const huge = signedParts(part(header), part({ ...claims, filler: 'x'.repeat(1_048_576) }));
    expect(issuers.verifier.verify([provider], huge, nowMs)).toMatchObject({
      why: expect.stringMatching(/longer than/),
    });
    expect(issuers.asked).toEqual([]);
  });

  test('the longest token is read', async () => {
    const filled = (length: number) => token(rsa, { ...claims, filler: 'x'.repeat(length) });
    let filler = Math.floor(((tokenLengthMax - goodToken.length) * 3) / 4) - 16;
    while (filled(filler + 1).length <= tokenLengthMax) filler += 1;
    expect(await verify(filled(filler))).toMatchObject({ kind: 'valid' });
  });
});

/** r‖s as the two integers of ASN.1. */
function derOf(raw: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
    return Buffer.concat([Buffer.from([2, positive.length]), positive]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
