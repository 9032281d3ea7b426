import { expect, test } from 'vitest';
import { type AccessRequest, type AccessRequestResult, accessRequest } from '../../src/authz/access-request.ts';
import { readCheckRequest } from '../../src/authz/check-request.ts';
import { defaultCheckLimits } from '../../src/authz/limits.ts';
import { cart, checkRequest, type RequestSketch } from './support/check-request.ts';

test('a request is read whole', () => {
  const { headers, ...request } = readable({
    headers: [['x-team', 'blue']],
    extensions: { tenant: 'shop' },
    sni: 'shop.mesh.example',
  });
  expect(request).toEqual({
    id: 'f3a1',
    principal: { kind: 'uri-san', uri: cart },
    destination: { address: '10.0.0.7', port: 8080 },
    method: 'GET',
    path: '/items',
    query: 'page=2',
    host: 'shop.example',
    scheme: 'https',
    contextExtensions: new Map([['tenant', 'shop']]),
    sni: 'shop.mesh.example',
  });
  expect(headers.values('x-team')).toEqual({ kind: 'lines', lines: ['blue'] });
});

test.for([
  ['shop.example', 'shop.example'],
  ['Shop.EXAMPLE', 'shop.example'],
  ['shop.example.', 'shop.example'],
  ['shop.example:8443', 'shop.example'],
  ['Shop.example.:8443', 'shop.example'],
  ['my_container', 'my_container'],
  ['10.0.0.7:80', '10.0.0.7'],
  ['[FD00::7]:80', '[fd00::7]'],
  ['[fd00::7]', '[fd00::7]'],
] as const)('host `%s` is `%s`', ([host, canonical]) => {
  expect(readable({ host }).host).toBe(canonical);
});

test.for([
  ['/', '/', ''],
  ['/a?b=/../c?d', '/a', 'b=/../c?d'],
  ['/a?', '/a', ''],
  ['*', '*', ''],
] as const)('target `%s` has path `%s` and query `%s`', ([target, path, query]) => {
  expect(readable({ path: target })).toMatchObject({ path, query });
});

test.for<[string, RequestSketch, string]>([
  ['no destination address', { address: '' }, 'no-destination'],
  ['port zero', { port: 0 }, 'no-destination'],
  ['a port beyond 65535', { port: 65_536 }, 'no-destination'],
  ['no method', { method: '' }, 'bad-method'],
  ['a method with a space', { method: 'GET ' }, 'bad-method'],
  ['a method of 33 letters', { method: 'G'.repeat(33) }, 'bad-method'],
  ['no path, as CONNECT has', { path: '' }, 'bad-path'],
  ['a path that is a URL', { path: 'http://shop.example/' }, 'bad-path'],
  ['a path with a fragment', { path: '/a#b' }, 'bad-path'],
  ['a path with a space', { path: '/a b' }, 'bad-path'],
  ['a path with a line end', { path: '/a\r\nx-role: admin' }, 'bad-path'],
  ['a path with NUL', { path: '/a\0' }, 'bad-path'],
  ['a path beyond ASCII', { path: '/caf\u00e9' }, 'bad-path'],
  [
    'a path whose bytes Envoy replaced',
    { path: '/a!', headers: [[':path', Buffer.from('/a\xff', 'latin1')]] },
    'path-differs',
  ],
  ['two paths', { headers: [[':path', '/items?page=2']] }, 'path-differs'],
  ['no host', { host: '' }, 'bad-host'],
  ['a host with user information', { host: 'shop.example@evil.example' }, 'bad-host'],
  ['a host with an empty label', { host: 'shop..example' }, 'bad-host'],
  ['two hosts', { host: 'shop.example,evil.example' }, 'bad-host'],
  ['a host with a port that is none', { host: 'shop.example:http' }, 'bad-host'],
  ['a host longer than a name can be', { host: 'a'.repeat(261) }, 'bad-host'],
  ['neither request id nor stream id', { id: ' ' }, 'no-id'],
])('%s cannot be judged', ([, sketch, why]) => {
  const message = checkRequest(sketch);
  // The stream id, which Envoy always sends, is taken out of the one row that asks for it.
  const result = readRow(sketch.id === ' ' ? withoutStreamId(message) : message);
  expect(result).toMatchObject({ kind: 'undecodable', why });
});

test.for([
  ['spiffe://mesh.example/ns/shop/sa/cart', 'uri-san'],
  ['https://accounts.example/7', 'uri-san'],
  ['', 'none'],
  ['cart.shop.example', 'none'],
  ['CN=spiffe://mesh.example/ns/shop/sa/cart', 'none'],
  ['spiffe://mesh.example/ns/shop/sa/cart,spiffe://x', 'uri-san'],
  ['spiffe://mesh.example/ns/shop/sa/cart\n', 'none'],
  ['spiffe://', 'none'],
] as const)('principal `%s` is %s', ([principal, kind]) => {
  expect(readable({ principal }).principal.kind).toBe(kind);
});

test.for<[string, RequestSketch, string]>([
  ['the request id', { id: '0b1c' }, '0b1c'],
  ['the stream id, where the request id was sent twice', { headers: [['x-request-id', 'f3a1']] }, '17'],
  ['the stream id, where the request id breaks lines', { id: 'a\r\nb' }, '17'],
  ['the stream id, where the request id is too long', { id: 'a'.repeat(65) }, '17'],
  ['the stream id, where there is no request id', { joined: {} }, '17'],
  ['the joined request id', { joined: { 'x-request-id': '0b1c' } }, '0b1c'],
  ['the stream id, where the request id came joined', { joined: { 'x-request-id': '0b1c,f3a1' } }, '17'],
])('the decision id is %s', ([, sketch, id]) => {
  expect(readable(sketch).id).toBe(id);
});

test.for<[string, RequestSketch, unknown]>([
  ['absent', {}, { kind: 'lines', lines: [] }],
  [
    'sent twice',
    {
      headers: [
        ['x-role', 'user'],
        ['x-role', 'admin'],
      ],
    },
    { kind: 'lines', lines: ['user', 'admin'] },
  ],
  [
    'sent with an empty second line',
    {
      headers: [
        ['x-role', 'user'],
        ['x-role', ''],
      ],
    },
    { kind: 'lines', lines: ['user', ''] },
  ],
  ['with a comma', { headers: [['x-role', 'user,admin']] }, { kind: 'lines', lines: ['user,admin'] }],
  ['not UTF-8', { headers: [['x-role', Buffer.from([0x61, 0xff])]] }, { kind: 'unreadable' }],
  [
    'not UTF-8 in its second line',
    {
      headers: [
        ['x-role', 'user'],
        ['x-role', Buffer.from([0xc3])],
      ],
    },
    { kind: 'unreadable' },
  ],
  ['joined by Envoy', { joined: { 'x-role': 'user,admin' } }, { kind: 'joined', text: 'user,admin' }],
  ['replaced by Envoy', { joined: { 'x-role': 'adm!n' } }, { kind: 'unreadable' }],
])('a header that is %s is told as such', ([, sketch, values]) => {
  expect(readable(sketch).headers.values('x-role')).toEqual(values);
});

function readRow(message: Buffer): AccessRequestResult {
  const read = readCheckRequest(message, defaultCheckLimits);
  if (read.kind === 'refused') throw new Error(read.why);
  return accessRequest(read.fields);
}

function readable(sketch: RequestSketch): AccessRequest {
  const result = readRow(checkRequest(sketch));
  if (result.kind === 'undecodable') throw new Error(result.why);
  return result.request;
}

/** Its two bytes of text become two spaces, which is no id. */
function withoutStreamId(message: Buffer): Buffer {
  return Buffer.from(message.toString('latin1').replace('\n\x0217', '\n\x02  '), 'latin1');
}
