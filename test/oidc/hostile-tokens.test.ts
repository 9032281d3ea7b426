/** SEC-42: tokens that somebody made to be let in. Each is one change away from a good one, which is the control. */
import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TokenVerdict } from '../../src/oidc/token-verdict.ts';
import { tokenLengthMax } from '../../src/oidc/token-verifier.ts';
import { claims, FakeIssuers, nowMs, nowSeconds, provider } from './support/issuer.ts';
import { hmac, jwks, part, signature, signingKey, token } from './support/token-forge.ts';

const rsa = signingKey('2027-01');
const ec = signingKey('curve', 'P-256');
const edwards = signingKey('edwards', 'ed25519');
const thief = signingKey('2027-01');
const document = jwks(rsa.listed(), ec.listed(), edwards.listed());

function verify(text: string, atMs = nowMs): TokenVerdict | Promise<TokenVerdict> {
  return new FakeIssuers(document).verifier.verify([provider], text, atMs);
}

async function expectRefused(text: string, why: RegExp): Promise<void> {
  const verdict = await verify(text);
  expect(verdict).toEqual({ kind: 'invalid', why: expect.stringMatching(why) });
}

/** Signed by the issuer's own key, over exactly these parts. */
function signedParts(header: string, body: string): string {
  return `${header}.${body}.${part(signature('RS256', rsa.privateKey, `${header}.${body}`))}`;
}

const header = { alg: 'RS256', kid: rsa.kid, typ: 'JWT' };
const good = token(rsa, claims);

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

describe('SEC-42: an algorithm of the forger’s choice', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', ''])('alg `%s` without a signature is refused', async (alg) => {
    await expectRefused(`${part({ ...header, alg })}.${part(claims)}.`, /empty|algorithm/);
    await expectRefused(`${part({ ...header, alg })}.${part(claims)}.${part('x')}`, /algorithm/);
  });

  test.each(['HS256', 'HS384', 'HS512'])('alg %s with the RSA public key as the secret is refused', async (alg) => {
    const text = `${part({ ...header, alg })}.${part(claims)}`;
    const key = createPublicKey(rsa.privateKey);
    for (const secret of [key.export({ type: 'spki', format: 'pem' }), key.export({ type: 'spki', format: 'der' })]) {
      await expectRefused(`${text}.${part(hmac(secret, text))}`, /algorithm/);
    }
  });

  test.each([
    ['an RSA key asked to verify ES256', { alg: 'ES256', kid: rsa.kid }, ec],
    ['a P-256 key asked to verify RS256', { alg: 'RS256', kid: ec.kid }, rsa],
    ['an Ed25519 key asked to verify ES256', { alg: 'ES256', kid: edwards.kid }, ec],
  ])('%s finds no key', async (_, changed, signer) => {
    await expectRefused(token(signer, claims, changed), /no key/);
  });

  test.each([
    ['RS256', 'PS256'],
    ['PS256', 'RS256'],
    ['RS256', 'RS512'],
  ])('a signature of %s called %s is refused', async (done, said) => {
    const text = `${part({ ...header, alg: said })}.${part(claims)}`;
    await expectRefused(`${text}.${part(signature(done, rsa.privateKey, text))}`, /signature/);
  });

  test('an algorithm that an object inherits is none', async () => {
    await expectRefused(token(rsa, claims).replace(/^[^.]+/, part({ ...header, alg: 'toString' })), /algorithm/);
  });
});

describe('SEC-42: a key of the forger’s choice', () => {
  test('a stranger’s signature under a known key id is refused', async () => {
    await expectRefused(token(thief, claims), /signature/);
  });

  test.each([
    '../../../../dev/null',
    '/proc/self/environ',
    "2027-01' OR '1'='1",
    '2027-01; DROP TABLE keys',
    'https://thief.example/keys',
    'file:///etc/passwd',
    'http://169.254.169.254/latest/meta-data',
    '__proto__',
    'constructor',
    '2027-01\u0000',
    '',
  ])('the key id %j is only a name that nobody has', async (kid) => {
    const issuers = new FakeIssuers(document);
    const verdict = await issuers.verifier.verify([provider], token(thief, claims, { kid }), nowMs);
    expect(verdict).toMatchObject({ kind: 'invalid', why: expect.stringMatching(/no key/) });
    expect(new Set(issuers.asked.map(({ issuer, jwksUri }) => jwksUri ?? issuer))).toEqual(new Set([provider.issuer]));
  });

  test.each([[1], [null], [['2027-01']], [{ $ne: '' }]])('the key id %j is no text and refused', async (kid) => {
    await expectRefused(token(rsa, claims, { kid }), /key id/);
  });

  test.each([
    ['jwk', thief.listed()],
    ['jku', 'https://thief.example/keys'],
    ['jku', `${provider.issuer}/keys`],
    ['x5u', 'https://thief.example/chain.pem'],
    ['x5c', ['MIIB']],
    ['crit', ['exp']],
    ['crit', []],
    ['b64', false],
    ['zip', 'DEF'],
  ])('a header with `%s` is refused, even over a good signature', async (member, value) => {
    const issuers = new FakeIssuers(document);
    for (const signer of [thief, rsa]) {
      const verdict = await issuers.verifier.verify([provider], token(signer, claims, { [member]: value }), nowMs);
      expect(verdict).toMatchObject({ kind: 'invalid', why: expect.stringContaining(`\`${member}\``) });
    }
    expect(issuers.asked).toEqual([]);
  });

  test('without a key id, and with two keys that could have signed, nothing is tried', async () => {
    const second = signingKey('2027-02');
    const issuers = new FakeIssuers(jwks(rsa.listed(), second.listed()));
    const verdict = await issuers.verifier.verify([provider], token(rsa, claims, { kid: undefined }), nowMs);
    expect(verdict).toMatchObject({ kind: 'invalid', why: expect.stringMatching(/no key/) });
  });
});

describe('SEC-42: claims', () => {
  const { exp: _, ...endless } = claims;
  const { aud: __, ...forAnybody } = claims;
  const { sub: ___, ...ofNobody } = claims;
  test.each([
    ['no exp', endless, /no `exp`/],
    ['exp as text', { ...claims, exp: String(claims.exp) }, /no number/],
    ['exp beyond every calendar', { ...claims, exp: 1e300 }, /no number/],
    ['exp null', { ...claims, exp: null }, /no number/],
    ['a negative exp', { ...claims, exp: -1 }, /no number/],
    ['no aud', forAnybody, /no `aud`/],
    ['an empty list of audiences', { ...claims, aud: [] }, /another audience/],
    ['another audience', { ...claims, aud: 'invoices' }, /another audience/],
    ['an audience that begins like ours', { ...claims, aud: 'orders.thief.example' }, /another audience/],
    ['an audience in other letters', { ...claims, aud: 'Orders' }, /another audience/],
    ['a stranger’s audience beside ours', { ...claims, aud: ['orders', 'thief'] }, /beside ours/],
    [
      'an audience that begins like the issuer’s own',
      { ...claims, aud: ['orders', `${provider.issuer}.thief.example`] },
      /beside ours/,
    ],
    ['an audience that is no text', { ...claims, aud: ['orders', 7] }, /no `aud`/],
    ['an audience that is an object', { ...claims, aud: { orders: true } }, /no `aud`/],
    ['nbf in the future', { ...claims, nbf: nowSeconds + 61 }, /not valid yet/],
    ['iat in the future', { ...claims, iat: nowSeconds + 61 }, /in the future/],
    ['nbf as text', { ...claims, nbf: 'tomorrow' }, /no number/],
    ['no subject', ofNobody, /`sub`/],
    ['an empty subject', { ...claims, sub: '' }, /`sub`/],
    ['a subject that is a list', { ...claims, sub: ['ada'] }, /`sub`/],
    ['a logout event', { ...claims, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, /logout/],
    ['a key it is bound to', { ...claims, cnf: { jkt: 'x' } }, /`cnf`/],
  ])('%s is refused', async (_, said, why) => {
    await expectRefused(token(rsa, said), why);
  });

  test.each([
    'https://thief.example',
    `${provider.issuer}/`,
    `${provider.issuer}.thief.example`,
    provider.issuer.toUpperCase(),
    provider.issuer.replace('https', 'http'),
    ` ${provider.issuer}`,
    '',
    null,
    [provider.issuer],
    { toString: 'x' },
  ])('the issuer %j is none of the tenant’s', async (iss) => {
    const issuers = new FakeIssuers(document);
    const verdict = await issuers.verifier.verify([provider], token(rsa, { ...claims, iss }), nowMs);
    expect(verdict).toMatchObject({ kind: 'invalid', why: expect.stringMatching(/issuer/) });
    expect(issuers.asked).toEqual([]);
  });

  test.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'JOSE', 'application/okta-internal-at+jwt', 7, null])(
    'a token of type %j was signed for another purpose',
    async (typ) => {
      await expectRefused(token(rsa, claims, { typ }), /another type/);
    },
  );

  test('an audience of the issuer’s own beside ours is accepted', async () => {
    const said = { ...claims, aud: ['orders', `${provider.issuer}/userinfo`] };
    expect(await verify(token(rsa, said))).toMatchObject({ kind: 'valid' });
  });
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
  const [first = '', second = '', third = ''] = good.split('.');

  test('names written twice are refused, wherever they stand', async () => {
    const twice = JSON.stringify(claims).replace('{', '{"sub":"root",');
    await expectRefused(signedParts(part(header), part(twice)), /one way/);
    await expectRefused(signedParts(part('{"alg":"RS256","alg":"none"}'), part(claims)), /one way/);
    const deep = JSON.stringify(claims).replace('{', '{"realm":{"roles":[],"roles":["admin"]},');
    await expectRefused(signedParts(part(header), part(deep)), /one way/);
  });

  test('a name written once in letters and once escaped is written twice', async () => {
    const twice = JSON.stringify(claims).replace('{', '{"s\\u0075b":"root",');
    await expectRefused(signedParts(part(header), part(twice)), /one way/);
  });

  test('a name that reaches a prototype is refused, and nothing is polluted', async () => {
    const body = JSON.stringify(claims).replace('{', '{"__proto__":{"polluted":true},');
    await expectRefused(signedParts(part(header), part(body)), /one way/);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  test.each([
    ['a token in a token', part(good)],
    ['a list', part([claims])],
    ['a text', part('"ada"')],
    ['null', part('null')],
    ['a byte order mark', part(`\ufeff${JSON.stringify(claims)}`)],
    [
      'bytes that are not UTF-8',
      part(Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xff]), Buffer.from('"}')])),
    ],
    ['something after the object', part(`${JSON.stringify(claims)} {}`)],
    ['nesting without end', part(`${'{"a":'.repeat(700)}1${'}'.repeat(700)}`)],
  ])('claims that are %s are refused', async (_, body) => {
    await expectRefused(signedParts(part(header), body), /one way/);
  });

  test.each([
    ['a fourth part', `${good}.x`],
    ['a fifth part, as of an encrypted token', `${good}.x.x`],
    ['two parts', `${first}.${second}`],
    ['no parts', 'ya29.opaque'],
    ['nothing', ''],
  ])('%s is refused', async (_, text) => {
    await expectRefused(text, /three parts/);
  });

  test.each([
    ['a line end', `${good}\n`],
    ['a space', ` ${good}`],
    ['padding', `${good}==`],
    ['letters of plain base64', `${first}.${second}.+/${third.slice(2)}`],
    ['a part that is empty', `${first}..${third}`],
    ['a NUL', `${good}\u0000`],
  ])('%s is refused', async (_, text) => {
    await expectRefused(text, /base64url/);
  });

  test('stray bits in the last letter are refused: one signature has one spelling', async () => {
    // 256 bytes end in a letter with four bits that carry nothing.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(good.slice(-1));
    const respelt = `${good.slice(0, -1)}${alphabet[last + 1]}`;
    expect(Buffer.from(respelt.split('.')[2] ?? '', 'base64url')).toEqual(Buffer.from(third, 'base64url'));
    await expectRefused(respelt, /base64url/);
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

  test('the longest token is read, and one character more is not', async () => {
    const filled = (length: number) => token(rsa, { ...claims, filler: 'x'.repeat(length) });
    let filler = Math.floor(((tokenLengthMax - good.length) * 3) / 4) - 16;
    while (filled(filler + 1).length <= tokenLengthMax) filler += 1;
    expect(await verify(filled(filler))).toMatchObject({ kind: 'valid' });
    await expectRefused(filled(filler + 1), /longer than/);
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
