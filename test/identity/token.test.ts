/** Workload tokens: what a good one says, and every way a bad one is refused. One table, one row an attack. */
import { createHmac } from 'node:crypto';
import { type JWTHeaderParameters, SignJWT } from 'jose';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { generateKeyPair, type KeyPair } from '../../src/identity/key-pair.io.ts';
import { clockToleranceMs, type TokenRefusal, tokenLengthMax } from '../../src/identity/token-claims.ts';
import { createTokenIssuer, type TokenIssuer, tokenLifetimeMs } from '../../src/identity/token-issuer.io.ts';
import { fakePorts, hourMs, startMs } from './fake-ports.ts';

const subject = { workload: 'shop/cart-0', serviceAccount: 'cart' };
const startSeconds = startMs / 1_000;

let keys: KeyPair;
let otherKeys: KeyPair;

beforeAll(async () => {
  keys = await generateKeyPair();
  otherKeys = await generateKeyPair();
});

function issuerAt(nowMs: number): TokenIssuer {
  return createTokenIssuer(keys, 'mesh.example', fakePorts(nowMs));
}

test('a minted token is verified and says who it is for', async () => {
  const { token } = await issuerAt(startMs).mintToken(subject);
  expect(await issuerAt(startMs).verifyToken(token)).toEqual({
    kind: 'ok',
    ...subject,
    expiresAtMs: startMs + tokenLifetimeMs,
  });
});

test('two tokens for the same workload differ', async () => {
  const issuer = issuerAt(startMs);
  expect((await issuer.mintToken(subject)).token).not.toBe((await issuer.mintToken(subject)).token);
});

test('a token is good until its end and a small tolerance, and from its start less the same', async () => {
  const { token, expiresAtMs } = await issuerAt(startMs).mintToken(subject);
  const kindAt = async (nowMs: number) => (await issuerAt(nowMs).verifyToken(token)).kind;
  expect(await kindAt(expiresAtMs + clockToleranceMs - 1)).toBe('ok');
  expect(await kindAt(expiresAtMs + clockToleranceMs)).toBe('refused');
  expect(await kindAt(startMs - clockToleranceMs)).toBe('ok');
  expect(await kindAt(startMs - clockToleranceMs - 1)).toBe('refused');
});

const goodHeader = { alg: 'ES256', typ: 'coffre-workload+jwt' };
const goodClaims = {
  iss: 'mesh.example',
  sub: 'shop/cart-0',
  aud: 'coffre',
  iat: startSeconds,
  exp: startSeconds + 3_600,
  sa: 'cart',
};

/** Signs whatever it is told to. */
function signed(claims: object, header: object = {}, by: KeyPair = keys): Promise<string> {
  const protectedHeader = { ...goodHeader, ...header } as JWTHeaderParameters;
  return new SignJWT({ ...goodClaims, ...claims }).setProtectedHeader(protectedHeader).sign(by.privateKey);
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** HS256 keyed with the public key: the classic confusion. */
async function hmacOfPublicKey(): Promise<string> {
  const spki = await crypto.subtle.exportKey('spki', keys.publicKey);
  const body = `${encoded({ ...goodHeader, alg: 'HS256' })}.${encoded(goodClaims)}`;
  return `${body}.${createHmac('sha256', Buffer.from(spki)).update(body).digest('base64url')}`;
}

async function withPayloadOf(claims: object): Promise<string> {
  const [header, , signature] = (await signed({})).split('.');
  return `${header}.${encoded({ ...goodClaims, ...claims })}.${signature}`;
}

const attacks: readonly [string, TokenRefusal, () => string | Promise<string>][] = [
  ['an empty text', 'malformed', () => ''],
  ['one megabyte', 'too-long', () => 'a'.repeat(1_000_000)],
  ['a text one longer than the bound', 'too-long', () => 'a'.repeat(tokenLengthMax + 1)],
  ['two segments', 'malformed', () => `${encoded(goodHeader)}.${encoded(goodClaims)}`],
  ['alg none, no signature', 'malformed', () => `${encoded({ alg: 'none' })}.${encoded(goodClaims)}.`],
  ['alg none with a signature', 'bad-signature', () => `${encoded({ alg: 'none' })}.${encoded(goodClaims)}.AAAA`],
  ['extra dots', 'malformed', async () => `${await signed({})}.e30`],
  ['dots in front', 'malformed', async () => `.${await signed({})}`],
  ['a line end after it', 'malformed', async () => `${await signed({})}\n`],
  ['another alphabet', 'malformed', async () => `${(await signed({})).slice(0, -1)}+`],
  ['HS256 with our public key', 'bad-signature', hmacOfPublicKey],
  ['another key', 'bad-signature', () => signed({}, {}, otherKeys)],
  [
    'a key of its own in the header',
    'bad-signature',
    async () => signed({}, { jwk: await jwkOf(otherKeys) }, otherKeys),
  ],
  ['a changed payload', 'bad-signature', () => withPayloadOf({ sub: 'bank/ledger-0' })],
  ['a header that is no JSON', 'bad-signature', () => `bm8.${encoded(goodClaims)}.AAAA`],
  ['a critical header', 'bad-signature', async () => critical()],
  ['another typ', 'wrong-header', () => signed({}, { typ: 'JWT' })],
  ['no typ', 'wrong-header', () => signed({}, { typ: undefined })],
  ['a kid', 'wrong-header', () => signed({}, { kid: '../../etc/passwd' })],
  ['another issuer', 'wrong-issuer', () => signed({ iss: 'other.example' })],
  ['no issuer', 'wrong-issuer', () => signed({ iss: undefined })],
  ['another audience', 'wrong-audience', () => signed({ aud: 'vault' })],
  ['our audience among others', 'wrong-audience', () => signed({ aud: ['coffre', 'vault'] })],
  ['no audience', 'wrong-audience', () => signed({ aud: undefined })],
  ['no end', 'no-expiry', () => signed({ exp: undefined })],
  ['an end that is text', 'no-expiry', () => signed({ exp: '9999999999' })],
  ['an end beyond all numbers', 'no-expiry', () => signed({ exp: 1e300 })],
  ['an end an hour ago', 'expired', () => signed({ exp: startSeconds - 3_600 })],
  ['no beginning', 'malformed', () => signed({ iat: undefined })],
  ['a beginning in the future', 'not-yet-valid', () => signed({ iat: startSeconds + 3_600 })],
  ['not before in the future', 'not-yet-valid', () => signed({ nbf: startSeconds + 3_600 })],
  ['no subject', 'malformed-subject', () => signed({ sub: undefined })],
  ['a subject that is a number', 'malformed-subject', () => signed({ sub: 7 })],
  ['a subject without pod', 'malformed-subject', () => signed({ sub: 'shop' })],
  ['a subject that climbs', 'malformed-subject', () => signed({ sub: 'shop/../bank' })],
  ['a subject of three parts', 'malformed-subject', () => signed({ sub: 'shop/cart-0/x' })],
  ['a subject in capitals', 'malformed-subject', () => signed({ sub: 'Shop/cart-0' })],
  ['a subject with a line end', 'malformed-subject', () => signed({ sub: 'shop/cart-0\n' })],
  ['no service account', 'malformed-subject', () => signed({ sa: undefined })],
];

test.each(attacks)('a token with %s is refused as %s', async (_what, reason, token) => {
  expect(await issuerAt(startMs).verifyToken(await token())).toEqual({ kind: 'refused', reason });
});

test('the table would pass a good token', async () => {
  expect((await issuerAt(startMs + hourMs / 2).verifyToken(await signed({}))).kind).toBe('ok');
});

async function jwkOf({ publicKey }: KeyPair): Promise<object> {
  return { ...(await crypto.subtle.exportKey('jwk', publicKey)) };
}

/** jose refuses to sign one, so it is signed by hand. */
async function critical(): Promise<string> {
  const body = `${encoded({ ...goodHeader, crit: ['b64'], b64: false })}.${encoded(goodClaims)}`;
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = await crypto.subtle.sign(algorithm, keys.privateKey, Buffer.from(body));
  return `${body}.${Buffer.from(signature).toString('base64url')}`;
}

/** @returns how many signatures were checked since. */
function countChecks(): () => number {
  const verify = vi.spyOn(crypto.subtle, 'verify');
  onTestFinished(() => verify.mockRestore());
  return () => verify.mock.calls.length;
}

test('a signature is checked once, however often its token is shown, and the token still ends', async () => {
  const ports = fakePorts(startMs);
  const issuer = createTokenIssuer(keys, 'mesh.example', ports);
  const { token, expiresAtMs } = await issuer.mintToken(subject);
  const checks = countChecks();
  for (let time = 0; time < 5; time += 1) expect((await issuer.verifyToken(token)).kind).toBe('ok');
  ports.clock.set(expiresAtMs + clockToleranceMs);
  expect(await issuer.verifyToken(token)).toEqual({ kind: 'refused', reason: 'expired' });
  expect(checks()).toBe(1);
});

test('a bad signature is checked each time, also beside a good one over the same claims', async () => {
  const issuer = issuerAt(startMs);
  const { token } = await issuer.mintToken(subject);
  await issuer.verifyToken(token);
  const [header, payload] = token.split('.');
  const checks = countChecks();
  for (let time = 0; time < 3; time += 1) {
    const forged = `${header}.${payload}.${'A'.repeat(86)}`;
    expect(await issuer.verifyToken(forged)).toEqual({ kind: 'refused', reason: 'bad-signature' });
  }
  expect(checks()).toBe(3);
});

test('of more tokens than are remembered the oldest is checked again, and is as good as before', async () => {
  const issuer = createTokenIssuer(keys, 'mesh.example', fakePorts(startMs), 2);
  const tokens = await Promise.all(Array.from({ length: 3 }, () => issuer.mintToken(subject)));
  const checks = countChecks();
  for (const { token } of [...tokens, ...tokens.slice(1)]) await issuer.verifyToken(token);
  expect(checks()).toBe(3);
  expect((await issuer.verifyToken(tokens[0]?.token ?? '')).kind).toBe('ok');
  expect(checks()).toBe(4);
});
