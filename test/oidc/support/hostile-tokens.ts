/**
 * SEC-42 as a table: tokens that somebody made to be let in, each one change away from `goodToken`, and why each is
 * refused. The verifier is held to it alone, and a worker behind a real sidecar.
 *
 * All of them can be written in a header: what cannot is the business of the verifier's own tests.
 */
import { createPublicKey } from 'node:crypto';
import { tokenLengthMax } from '../../../src/oidc/token-verifier.ts';
import { claims, nowSeconds, provider } from './issuer.ts';
import { hmac, jwks, part, signature, signingKey, token } from './token-forge.ts';

export interface HostileToken {
  readonly name: string;
  readonly text: string;
  /** In the words of the refusal. */
  readonly why: RegExp;
  /** Refused before anybody's keys are looked for. */
  readonly asksNobody?: true;
}

export const rsa = signingKey('2027-01');
export const ec = signingKey('curve', 'P-256');
export const edwards = signingKey('edwards', 'ed25519');
/** Whose key id is the issuer's, and whose key is not. */
const thief = signingKey('2027-01');
/** What the issuer of all good tokens lists. */
export const issuerKeys = [rsa.listed(), ec.listed(), edwards.listed()];
export const document = jwks(...issuerKeys);

export const header = { alg: 'RS256', kid: rsa.kid, typ: 'JWT' };
export const goodToken = token(rsa, claims);

/** Signed by the issuer's own key, over exactly these parts. */
export function signedParts(first: string, second: string): string {
  return `${first}.${second}.${part(signature('RS256', rsa.privateKey, `${first}.${second}`))}`;
}

/** One character more than is looked at. */
function tooLong(): string {
  let filler = Math.floor(((tokenLengthMax - goodToken.length) * 3) / 4) - 16;
  const filled = () => token(rsa, { ...claims, filler: 'x'.repeat(filler) });
  while (filled().length <= tokenLengthMax) filler += 1;
  return filled();
}

const unsigned: readonly HostileToken[] = ['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => {
  const text = `${part({ ...header, alg })}.${part(claims)}`;
  return [
    { name: `alg \`${alg}\` without a signature`, text: `${text}.`, why: /empty|algorithm/ },
    { name: `alg \`${alg}\` with a letter for a signature`, text: `${text}.${part('x')}`, why: /algorithm/ },
  ];
});

const publicKey = createPublicKey(rsa.privateKey);
const publicKeys = [
  ['PEM', publicKey.export({ type: 'spki', format: 'pem' })],
  ['DER', publicKey.export({ type: 'spki', format: 'der' })],
] as const;
const symmetric: readonly HostileToken[] = ['HS256', 'HS384', 'HS512'].flatMap((alg) =>
  publicKeys.map(([format, secret]) => {
    const text = `${part({ ...header, alg })}.${part(claims)}`;
    const name = `alg ${alg} with the RSA public key as the secret, in ${format}`;
    return { name, text: `${text}.${part(hmac(secret, text))}`, why: /algorithm/ };
  }),
);

const confused: readonly HostileToken[] = [
  { name: 'an RSA key asked to verify ES256', text: token(ec, claims, { alg: 'ES256', kid: rsa.kid }), why: /no key/ },
  { name: 'a P-256 key asked to verify RS256', text: token(rsa, claims, { kid: ec.kid }), why: /no key/ },
  {
    name: 'an Ed25519 key asked to verify ES256',
    text: token(ec, claims, { alg: 'ES256', kid: edwards.kid }),
    why: /no key/,
  },
  ...[['RS256', 'PS256'] as const, ['PS256', 'RS256'] as const, ['RS256', 'RS512'] as const].map(([done, said]) => {
    const text = `${part({ ...header, alg: said })}.${part(claims)}`;
    const signed = `${text}.${part(signature(done, rsa.privateKey, text))}`;
    return { name: `a signature of ${done} called ${said}`, text: signed, why: /signature/ };
  }),
  {
    name: 'an algorithm that an object inherits',
    text: goodToken.replace(/^[^.]+/, part({ ...header, alg: 'toString' })),
    why: /algorithm/,
  },
];

const keyIds: readonly HostileToken[] = [
  ...[
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
  ].map((kid) => ({
    name: `the key id ${JSON.stringify(kid)}, which nobody has`,
    text: token(thief, claims, { kid }),
    why: /no key/,
  })),
  ...[1, null, ['2027-01'], { $ne: '' }].map((kid) => ({
    name: `the key id ${JSON.stringify(kid)}, which is no text`,
    text: token(rsa, claims, { kid }),
    why: /key id/,
  })),
];

const members: readonly HostileToken[] = [
  ['jwk', thief.listed()] as const,
  ['jku', 'https://thief.example/keys'] as const,
  ['jku', `${provider.issuer}/keys`] as const,
  ['x5u', 'https://thief.example/chain.pem'] as const,
  ['x5c', ['MIIB']] as const,
  ['crit', ['exp']] as const,
  ['crit', []] as const,
  ['b64', false] as const,
  ['zip', 'DEF'] as const,
].flatMap(([member, value]) =>
  [thief, rsa].map((signer) => ({
    name: `\`${member}\` ${JSON.stringify(value).slice(0, 40)} in the header, signed by ${signer === rsa ? 'the issuer' : 'a thief'}`,
    text: token(signer, claims, { [member]: value }),
    why: new RegExp(`\`${member}\``),
    asksNobody: true,
  })),
);

const { exp: _, ...endless } = claims;
const { aud: __, ...forAnybody } = claims;
const { sub: ___, ...ofNobody } = claims;
const said: readonly HostileToken[] = [
  ['no exp', endless, /no `exp`/] as const,
  ['exp as text', { ...claims, exp: String(claims.exp) }, /no number/] as const,
  ['exp beyond every calendar', { ...claims, exp: 1e300 }, /no number/] as const,
  ['exp null', { ...claims, exp: null }, /no number/] as const,
  ['a negative exp', { ...claims, exp: -1 }, /no number/] as const,
  ['exp passed by more than the skew', { ...claims, exp: nowSeconds - 60 }, /expired/] as const,
  ['no aud', forAnybody, /no `aud`/] as const,
  ['an empty list of audiences', { ...claims, aud: [] }, /another audience/] as const,
  ['another audience', { ...claims, aud: 'invoices' }, /another audience/] as const,
  ['an audience that begins like ours', { ...claims, aud: 'orders.thief.example' }, /another audience/] as const,
  ['an audience in other letters', { ...claims, aud: 'Orders' }, /another audience/] as const,
  ['a stranger’s audience beside ours', { ...claims, aud: ['orders', 'thief'] }, /beside ours/] as const,
  [
    'an audience that begins like the issuer’s own',
    { ...claims, aud: ['orders', `${provider.issuer}.thief.example`] },
    /beside ours/,
  ] as const,
  ['an audience that is no text', { ...claims, aud: ['orders', 7] }, /no `aud`/] as const,
  ['an audience that is an object', { ...claims, aud: { orders: true } }, /no `aud`/] as const,
  ['nbf in the future', { ...claims, nbf: nowSeconds + 61 }, /not valid yet/] as const,
  ['iat in the future', { ...claims, iat: nowSeconds + 61 }, /in the future/] as const,
  ['nbf as text', { ...claims, nbf: 'tomorrow' }, /no number/] as const,
  ['no subject', ofNobody, /`sub`/] as const,
  ['an empty subject', { ...claims, sub: '' }, /`sub`/] as const,
  ['a subject that is a list', { ...claims, sub: ['ada'] }, /`sub`/] as const,
  [
    'a logout event',
    { ...claims, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    /logout/,
  ] as const,
  ['a key it is bound to', { ...claims, cnf: { jkt: 'x' } }, /`cnf`/] as const,
].map(([name, all, why]) => ({ name, text: token(rsa, all), why }));

const issuers: readonly HostileToken[] = [
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
].map((iss) => ({
  name: `the issuer ${JSON.stringify(iss)}, which is none of the tenant’s`,
  text: token(rsa, { ...claims, iss }),
  why: /issuer/,
  asksNobody: true,
}));

const types: readonly HostileToken[] = [
  ...['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'JOSE', 'application/okta-internal-at+jwt', 7, null],
].map((typ) => ({
  name: `the type ${JSON.stringify(typ)}, signed for another purpose`,
  text: token(rsa, claims, { typ }),
  why: /another type/,
}));

const rewritten = (from: string) => signedParts(part(header), part(JSON.stringify(claims).replace('{', from)));
const spelt: readonly HostileToken[] = [
  ['a claim written twice', rewritten('{"sub":"root",')] as const,
  ['a member of the header written twice', signedParts(part('{"alg":"RS256","alg":"none"}'), part(claims))] as const,
  ['a name written twice further down', rewritten('{"realm":{"roles":[],"roles":["admin"]},')] as const,
  ['a name written once in letters and once escaped', rewritten('{"s\\u0075b":"root",')] as const,
  ['a name that reaches a prototype', rewritten('{"__proto__":{"polluted":true},')] as const,
  ...[
    ['a token in a token', part(goodToken)] as const,
    ['a list', part([claims])] as const,
    ['a text', part('"ada"')] as const,
    ['null', part('null')] as const,
    ['claims behind a byte order mark', part(`\ufeff${JSON.stringify(claims)}`)] as const,
    [
      'bytes that are not UTF-8',
      part(Buffer.concat([Buffer.from('{"sub":"'), Buffer.from([0xff]), Buffer.from('"}')])),
    ] as const,
    ['claims with something behind them', part(`${JSON.stringify(claims)} {}`)] as const,
    ['nesting without end', part(`${'{"a":'.repeat(700)}1${'}'.repeat(700)}`)] as const,
  ].map(([name, body]) => [`${name} for claims`, signedParts(part(header), body)] as const),
].map(([name, text]) => ({ name, text, why: /one way/ }));

const [first = '', second = '', third = ''] = goodToken.split('.');
/** The same bytes: 256 of them end in a letter with four bits that carry nothing. */
export const respelt = (() => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return `${goodToken.slice(0, -1)}${alphabet[alphabet.indexOf(goodToken.slice(-1)) + 1]}`;
})();
const parts: readonly HostileToken[] = [
  {
    name: 'other claims under a good signature',
    text: `${first}.${part({ ...claims, sub: 'root' })}.${third}`,
    why: /signature/,
  },
  { name: 'a fourth part', text: `${goodToken}.x`, why: /three parts/ },
  { name: 'a fifth part, as of an encrypted token', text: `${goodToken}.x.x`, why: /three parts/ },
  { name: 'two parts', text: `${first}.${second}`, why: /three parts/ },
  { name: 'no parts', text: 'ya29.opaque', why: /three parts/ },
  { name: 'padding', text: `${goodToken}==`, why: /base64url/ },
  { name: 'letters of plain base64', text: `${first}.${second}.+/${third.slice(2)}`, why: /base64url/ },
  { name: 'a part that is empty', text: `${first}..${third}`, why: /base64url/ },
  { name: 'stray bits in the last letter', text: respelt, why: /base64url/ },
  { name: 'one character more than is looked at', text: tooLong(), why: /longer than/, asksNobody: true },
];

export const hostileTokens: readonly HostileToken[] = [
  ...unsigned,
  ...symmetric,
  ...confused,
  { name: 'a stranger’s signature under a known key id', text: token(thief, claims), why: /signature/ },
  ...keyIds,
  ...members,
  ...said,
  ...issuers,
  ...types,
  ...spelt,
  ...parts,
];
