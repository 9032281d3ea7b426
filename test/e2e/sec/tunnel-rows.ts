/** SEC-18 and SEC-19: upgrades and tunnels, and HTTP/2 that is none. */
import { h2Request } from './h2-frames.ts';
import { mark, message, named, type Row } from './row.ts';

const passes = '200 GET /ok';
export const kept = (path: string) => message(`GET ${path} HTTP/1.1`, ['Host: callee']);
export const upgrade = (protocol: string, path = '/ok', more: readonly string[] = []) =>
  message(`GET ${path} HTTP/1.1`, ['Host: callee', 'Connection: Upgrade', `Upgrade: ${protocol}`, ...more]);

export const h2Fields = (method: string, path: string) =>
  [
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'callee'],
    [':path', path],
    ['x-row', mark],
  ] as const;
export const h2 = { protocol: 'h2' } as const;
const upgrades: readonly Row[] = [
  { name: 'a WebSocket', bytes: upgrade('websocket'), becomes: '403' },
  { name: 'a WebSocket to a closed path', bytes: upgrade('websocket', '/admin'), becomes: '403' },
  { name: 'a WebSocket in capitals', bytes: upgrade('WEBSOCKET'), becomes: '403' },
  {
    name: 'a WebSocket whose first bytes come before the answer',
    bytes:
      upgrade('websocket', '/ok', ['Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13']) +
      kept('/early'),
    becomes: '403',
  },
  { name: 'an upgrade to what nobody knows', bytes: upgrade('foo'), becomes: '403' },
  { name: 'two upgrades', bytes: upgrade('foo, websocket'), becomes: '403' },
  { name: 'an upgrade to TLS', bytes: upgrade('TLS/1.2'), becomes: '403' },
];

const tunnels: readonly Row[] = [
  { name: 'CONNECT', bytes: message('CONNECT callee:8080 HTTP/1.1', ['Host: callee:8080']), becomes: '403' },
  { name: 'CONNECT to elsewhere', bytes: message('CONNECT 10.99.0.1:15013 HTTP/1.1', ['Host: x']), becomes: '403' },
  { name: 'CONNECT with a path', bytes: message('CONNECT /ok HTTP/1.1', ['Host: callee']), becomes: '400' },
  {
    name: 'CONNECT in HTTP/2',
    ...h2,
    bytes: h2Request([
      [':method', 'CONNECT'],
      [':authority', 'callee:8080'],
      ['x-row', mark],
    ]),
    becomes: '403',
  },
  {
    name: 'CONNECT in HTTP/2 with a protocol',
    ...h2,
    bytes: h2Request([...h2Fields('CONNECT', '/ok').slice(0, 4), [':protocol', 'websocket'], ['x-row', mark]]),
    becomes: 'silence',
  },
  {
    name: 'HTTP/2 without a path',
    ...h2,
    bytes: h2Request([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'callee'],
      ['x-row', mark],
    ]),
    becomes: 'silence',
    byAnyParser: true,
  },
  {
    name: 'HTTP/2 with an empty path',
    ...h2,
    bytes: h2Request(h2Fields('GET', '')),
    becomes: 'silence',
    byAnyParser: true,
  },
  {
    name: 'HTTP/2 with a path that is none',
    ...h2,
    bytes: h2Request(h2Fields('GET', 'admin')),
    becomes: 'silence',
    byAnyParser: true,
  },
  {
    name: 'HTTP/2 with two paths',
    ...h2,
    bytes: h2Request([...h2Fields('GET', '/ok').slice(0, 4), [':path', '/admin'], ['x-row', mark]]),
    becomes: 'silence',
    byAnyParser: true,
  },
  { name: 'HTTP/2 that is as it should be', ...h2, bytes: h2Request(h2Fields('GET', '/ok')), becomes: passes },
  {
    name: 'HTTP/2 to a closed path',
    ...h2,
    bytes: h2Request(h2Fields('GET', '/a/../admin')),
    becomes: '403',
    granted: '200 GET /admin',
  },
  {
    name: 'HTTP/2 with a host that differs from its authority',
    ...h2,
    bytes: h2Request([...h2Fields('GET', '/ok'), ['host', 'closed.example']]),
    becomes: passes,
    arrives: { host: 'callee' },
  },
  {
    name: 'HTTP/2 with a name in capitals',
    ...h2,
    bytes: h2Request([...h2Fields('GET', '/ok'), ['X-Role', 'admin']]),
    becomes: 'silence',
    byAnyParser: true,
  },
  {
    name: 'HTTP/2 with a header of the connection',
    ...h2,
    bytes: h2Request([...h2Fields('GET', '/ok'), ['connection', 'close']]),
    becomes: 'silence',
    byAnyParser: true,
  },
  {
    name: 'HTTP/2 with a line end in a value',
    ...h2,
    bytes: h2Request([...h2Fields('GET', '/ok'), ['x-a', 'a\r\nx-role: admin']]),
    becomes: 'silence',
    byAnyParser: true,
  },
];

export const tunnelRows: readonly Row[] = [...named('SEC-18', upgrades), ...named('SEC-19', tunnels)];
