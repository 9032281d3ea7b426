/** What authors write where something else should stand. */

const durations = [
  '1ms',
  '99ms',
  '100ms',
  '999ms',
  '1s',
  '2999ms',
  '3s',
  '59s',
  '60s',
  '1m',
  '5m',
  '301s',
  '10m',
  '1h',
  '61m',
  '24h',
  '86401s',
  '720h',
  '721h',
  '87600h',
  '87601h',
  '0s',
  '1.5s',
  '-1s',
  '1h30m',
  '5d',
  '999999999999h',
  '99999999999999s',
];

const moments = [
  '2027-02-28T00:00:00Z',
  '2027-02-29T00:00:00Z',
  '2028-02-29T00:00:00Z',
  '2027-02-30T00:00:00Z',
  '2027-04-31T10:00:00Z',
  '2027-13-01T00:00:00Z',
  '2027-00-10T00:00:00Z',
  '2027-01-00T00:00:00Z',
  '2027-01-31T24:00:00Z',
  '2027-01-31T23:59:60Z',
  '2027-01-31T23:60:00Z',
  '2027-01-31T23:59:59.123456789Z',
  '2027-01-31T23:59:59.1234567890Z',
  '2027-01-31T23:59:59+02:00',
  '2027-01-31T23:59:59-23:59',
  '2027-01-31T23:59:59+24:00',
  '2027-01-31T23:59:59',
  '2027-01-31 23:59:59Z',
  '2027-01-31t23:59:59z',
  '2027-01-31',
  '0001-01-01T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-01:00',
];

const addresses = [
  '10.0.0.1',
  '0.0.0.1',
  '127.0.0.1',
  '127.128.0.0',
  '169.254.1.1',
  '223.255.255.255',
  '224.0.0.1',
  '255.255.255.255',
  '10.0.0.256',
  '10.0.0.01',
  '10.0.0',
  'fd00::1',
  'FD00:0::1',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  '::',
  '::1',
  '::ffff:10.0.0.1',
  '::ffff:0:10.0.0.1',
  '::10.0.0.1',
  '64:ff9b::10.0.0.1',
  '1::2::3',
  '1:2:3:4:5:6:7:8:9',
  'fe80::1%eth0',
];

const ranges = [
  '127.0.0.0/8',
  '127.128.0.0/10',
  '127.128.0.1/10',
  '127.64.0.0/10',
  '127.1.0.0/10',
  '127.1.2.0/24',
  '127.1.2.3/24',
  '127.1.2.0/25',
  '127.1.2.0/7',
  '127.01.0.0/16',
  '127.256.0.0/16',
  '10.0.0.0/8',
  '10.20.0.0/24',
  '10.20.0.7/24',
  '10.20.0.0/33',
  '10.20.0.0/024',
  '8.8.8.0/24',
  '0.0.0.0/0',
  '172.16.0.0/11',
  '100.64.0.0/10',
  '100.100.100.200/32',
  '100.100.101.0/24',
  'fd00::/16',
  'fd00:ec2::/64',
  'fd01::/16',
  'fe80::/10',
];

const urls = [
  'http://10.0.0.5:9090',
  'https://siem.example/ingest',
  'http://siem.example/ingest',
  'http://127.0.0.1:8080/x',
  'http://127.9.9.9',
  'http://[::1]:8080/',
  'http://localhost/',
  'http://0x7f.1/',
  'http://2130706433/',
  'http://10.1/',
  'http://192.168.0.1/x?y#z',
  'https://user@host.example/',
  'https://user:word@host.example/',
  'https://:word@host.example/',
  'https://:@host.example/',
  'https://@host.example/',
  'https://host.example/a@b',
  'https://host.example?a@b',
  'https://host.example\\a@b',
  'https://host.example:65536/',
  'https://host.example:/',
  'https://1.2.3.999/',
  'https://xn--a/',
  'https://a b/',
  'https://%zz/',
  'https:///host.example',
  'https://',
  'ftp://host.example/',
];

const authorities = ['10.0.0.5:9000', 'host.example:0', 'host.example:99999', '[fd00::1]:9000', '[1::2::3]:80', 'host'];

const workloads = [
  'spiffe://prod.example/ns/shop/sa/cart',
  'spiffe://prod.example/ns/shop/sa/-cart',
  'spiffe://.prod.example/ns/shop/sa/cart',
  'spiffe://prod.example/ns/shop-/sa/cart',
  `spiffe://prod.example/ns/${'n'.repeat(64)}/sa/cart`,
  `spiffe://prod.example/ns/shop/sa/${'a'.repeat(254)}`,
  'spiffe://prod.example/ns/shop/sa/cart/x',
  'spiffe://PROD.example/ns/shop/sa/cart',
];

const issuers = [
  'https://accounts.google.com',
  'https://accounts.google.com/',
  'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
  'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
  'https://login.microsoftonline.com/common/v2.0',
  'https://sts.windows.net/11111111-2222-3333-4444-555555555555/',
  'https://example.okta.com',
  'https://example.okta.com/oauth2/default',
  'https://example.okta.com/oauth2/default/x',
  'https://oauth.id.jumpcloud.com/',
  'https://oauth.id.jumpcloud.com',
  'https://example.eu.auth0.com/',
  'https://example.eu.auth0.com',
  'https://idp.example:8443/realms/one',
  'https://idp.example:99999',
  'http://idp.example',
];

const words: readonly (readonly string[])[] = [
  ['google', 'entra', 'okta', 'jumpcloud', 'auth0', 'oidc'],
  [
    '00000003-0000-0000-c000-000000000000',
    'https://graph.microsoft.com',
    'https://graph.microsoft.com/',
    'api://orders',
  ],
  ['host', 'cookie', 'x-request-id', 'x-envoy-force-trace', 'x-coffre-tenant', 'x-team', 'X-Team'],
  ['before', 'during', 'after'],
  ['09:00', '17:00', '24:00', '24:01', '00:00', '9:00'],
  ['connect-failure', 'gateway-error', 'unavailable', 'always'],
  ['orders-succeed', 'front-answers', 'nobody'],
  ['GET', 'get', 'PATCH', 'M-SEARCH'],
  ['/orders/*', '/orders', '/', '/*', '/orders/{id}', '/orders/../admin', '/a//b', 'orders', '/a%2fb'],
  ['request.method == "GET"', 'request.path', '1 +', 'true', 'source.tenant == "shop" && token.valid'],
  ['shop', 'billing', 'Shop', 'shop.one', '-shop', 's'.repeat(63), 's'.repeat(64)],
  [
    'text',
    '',
    ' ',
    '\t',
    'é',
    '日本語',
    '🦀',
    'a\nb',
    'x'.repeat(512),
    'x'.repeat(1_024),
    'x'.repeat(1_025),
    '🦀'.repeat(1_024),
    '🦀'.repeat(1_025),
    'e\u0301'.repeat(513),
  ],
];

const numbers = [0, 1, 0.5, -1, 2, 80, 99, 100, 101, 503, 65_535, 65_536, 1_000_000, 1_000_001, 1e15];

const families: readonly (readonly unknown[])[] = [
  durations,
  moments,
  addresses,
  ranges,
  urls,
  authorities,
  workloads,
  issuers,
  ...words,
];

/** Of a wrong type, of a wrong size, or empty. */
export const oddities: readonly unknown[] = [
  null,
  true,
  0,
  1.5,
  -1,
  '',
  'x',
  '1',
  [],
  {},
  ['x'],
  [1],
  { x: 1 },
  'y'.repeat(5_000),
  Array.from({ length: 300 }, (_, index) => `item-${index}`),
];

/** @returns values that look like this one; where it looks like nothing in particular, any word. */
export function lookalikes(value: unknown): readonly unknown[] {
  if (typeof value === 'boolean') return [true, false];
  if (typeof value !== 'number' && typeof value !== 'string') return oddities;
  const family = familyOf(value);
  return family.length > 0 ? family : words.flat();
}

/** @returns the values of its kind, itself among them; empty where it is of no kind. */
export function familyOf(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return numbers;
  if (typeof value !== 'string') return [];
  return families.find((each) => each.includes(value) || each.some((other) => isAlike(String(other), value))) ?? [];
}

/** The same outline: digits for digits, letters for letters. */
function isAlike(left: string, right: string): boolean {
  return outline(left) === outline(right);
}

function outline(text: string): string {
  return text.replaceAll(/[0-9]+/g, '0').replaceAll(/[A-Za-z]+/g, (word) => (/^(ms|s|m|h)$/.test(word) ? 'u' : 'a'));
}
