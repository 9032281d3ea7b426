/** SEC-06 to SEC-13: hosts, headers that rules speak of, headers that no caller may say, and bytes that are no text. */

import { spiffeId } from '../../fixtures/random-mesh.ts';
import { message, named, type Row, request } from './row.ts';

const passes = '200 GET /ok';
const open = { becomes: passes };
/** By a rule, and by nothing else. */
const closed = { becomes: '403', granted: passes };

const host = (...values: readonly string[]) =>
  message('GET /ok HTTP/1.1', [...values.map((value) => `Host: ${value}`), 'Connection: close']);
const header = (...lines: readonly string[]) => request('/ok', lines);
const roles = (...values: readonly string[]) => header(...values.map((value) => `x-role: ${value}`));
const anton = { as: 'anton' } as const;

const hosts: readonly Row[] = [
  { name: 'in capitals', bytes: host('CALLEE'), ...open },
  { name: 'that is closed', bytes: host('closed.example'), ...closed },
  { name: 'that is closed, in capitals', bytes: host('Closed.EXAMPLE'), ...closed },
  { name: 'that is closed, with a last dot', bytes: host('closed.example.'), ...closed },
  { name: 'that is closed, with the port of the listener', bytes: host('closed.example:8080'), ...closed },
  { name: 'that is closed, with another port', bytes: host('closed.example:80'), ...closed },
  { name: 'that is closed, with a dot and a port', bytes: host('closed.example.:443'), ...closed },
  { name: 'that only ends like a closed one', bytes: host('notclosed.example'), ...open },
  { name: 'with a dot for any letter', bytes: host('closedxexample'), ...open },
  { name: 'that is open to one caller', bytes: host('OPEN.example.:80'), ...anton, ...open },
  { name: 'that is not the one open to him', bytes: host('open.example.org'), ...anton, ...closed },
  { name: 'that begins before the open one', bytes: host('x.open.example'), ...anton, ...closed },
  { name: 'twice', bytes: host('callee', 'callee'), becomes: '403' },
  { name: 'and another', bytes: host('callee', 'other'), becomes: '403' },
  { name: 'and a closed one', bytes: host('callee', 'closed.example'), becomes: '403' },
  { name: 'and one open to him', bytes: host('open.example', 'other'), ...anton, becomes: '403' },
  { name: 'of two between commas', bytes: host('callee,other'), becomes: '403' },
  { name: 'with a user', bytes: host('open.example@callee'), becomes: '403' },
  { name: 'with a blank', bytes: host('cal lee'), becomes: '400' },
  { name: 'with a path', bytes: host('callee/admin'), becomes: '400' },
  { name: 'that is empty', bytes: host(''), becomes: '403' },
  { name: 'that is missing', bytes: host(), becomes: '400', byAnyParser: true },
  { name: 'with bytes beyond ASCII', bytes: host('call\xe9e'), becomes: '400' },
  {
    name: 'port of this listener is no part of the host',
    bytes: host('callee:8080'),
    ...open,
    arrives: { host: 'callee' },
  },
  {
    name: 'of an absolute target, judged by its path',
    bytes: request('http://callee/admin'),
    becomes: '403',
    granted: '200 GET /admin',
  },
  { name: 'of an absolute target arrives by its path', bytes: request('http://callee/ok'), ...open },
  { name: 'of an absolute target counts, not the header', bytes: request('http://closed.example/ok'), ...closed },
  {
    name: 'of an absolute target is the one that arrives',
    bytes: request('http://other/ok'),
    ...open,
    arrives: { host: 'other' },
  },
  {
    name: 'of an absolute target with dots',
    bytes: request('http://callee/a/../admin'),
    becomes: '403',
    granted: '200 GET /admin',
  },
  { name: 'of an absolute target of no known scheme', bytes: request('gopher://callee/ok'), becomes: '400' },
];

const values: readonly Row[] = [
  { name: 'by itself', bytes: roles('admin'), ...closed },
  { name: 'that is another', bytes: roles('administrator'), ...open },
  { name: 'first of two lines', bytes: roles('admin', 'reader'), ...closed },
  { name: 'second of two lines', bytes: roles('reader', 'admin'), ...closed },
  { name: 'third of three lines', bytes: roles('a', 'b', 'admin'), ...closed },
  { name: 'before a comma', bytes: roles('admin,reader'), ...closed },
  { name: 'behind a comma', bytes: roles('reader, admin'), ...closed },
  { name: 'behind a comma and a tab', bytes: roles('reader,\tadmin'), ...closed },
  { name: 'before an empty line', bytes: roles('admin', ''), ...closed },
  { name: 'behind an empty line', bytes: roles('', 'admin'), ...closed },
  { name: 'between empty values', bytes: roles(',,admin,,'), ...closed },
  { name: 'under a name in capitals', bytes: header('X-ROLE: admin'), ...closed },
  { name: 'within blanks', bytes: roles('  admin \t'), ...closed },
  { name: 'that allows, by itself', bytes: roles('reader!'), ...anton, ...open },
  { name: 'that allows, missing', bytes: header(), ...anton, ...closed },
  { name: 'that allows, twice', bytes: roles('reader!', 'reader!'), ...anton, ...closed },
  { name: 'that allows, beside another line', bytes: roles('reader!', 'writer'), ...anton, ...closed },
  { name: 'that allows, beside an empty line', bytes: roles('reader!', ''), ...anton, ...closed },
  { name: 'that allows, before a comma', bytes: roles('reader!,writer'), ...anton, ...closed },
  { name: 'that allows, with more behind it', bytes: roles('reader!x'), ...anton, ...closed },
  { name: 'that allows, and one that denies', bytes: roles('reader!', 'admin'), ...anton, ...closed },
  { name: 'that must be there', bytes: request('/signed/1'), becomes: '403', granted: '200 GET /signed/1' },
  {
    name: 'that must be there and is empty',
    bytes: request('/signed/1', ['x-signature:']),
    becomes: '200 GET /signed/1',
  },
];

const texts: readonly Row[] = [
  { name: 'a byte beyond ASCII behind the value that denies', bytes: roles('admin\xff'), ...open },
  { name: 'a byte beyond ASCII beside the value that denies', bytes: roles('\xff,admin'), ...closed },
  { name: 'a line of bytes beside the line that denies', bytes: roles('\xc3\x28', 'admin'), ...closed },
  { name: 'a byte beyond ASCII where a value allows', bytes: roles('reader\xff'), ...anton, ...closed },
  { name: 'a broken sequence where a value allows', bytes: roles('reader!\xc3'), ...anton, ...closed },
  { name: 'a line of bytes beside the line that allows', bytes: roles('reader!', '\xff'), ...anton, ...closed },
  {
    name: 'bytes do not make a header absent',
    bytes: request('/signed/1', ['x-signature: \xff\xfe']),
    becomes: '200 GET /signed/1',
  },
  { name: 'an underscore for a dash', bytes: header('x_role: admin'), becomes: '400' },
  { name: 'an underscore in a name', bytes: header('x_forwarded_for: 1'), becomes: '400' },
  { name: 'NUL in a value', bytes: roles('ad\0min'), becomes: '400', byAnyParser: true },
  { name: 'a byte beyond ASCII in a name', bytes: header('x\xff: a'), becomes: '400', byAnyParser: true },
  { name: 'a line without a colon', bytes: header('x-a'), becomes: '400', byAnyParser: true },
  { name: 'an empty name', bytes: header(': a'), becomes: '400', byAnyParser: true },
  { name: 'a line that is folded is one value', bytes: roles('reader,\r\n admin'), ...closed },
  {
    name: 'CR within a value is no new line',
    bytes: roles('reader\rx-role: admin'),
    ...open,
    arrives: { 'x-role': 'readerx-role: admin' },
  },
  { name: 'more lines than the limit', bytes: header(...Array.from({ length: 101 }, () => 'x-a: 1')), becomes: '431' },
  { name: 'one line of 70 kB', bytes: header(`x-a: ${'a'.repeat(70_000)}`), becomes: '431', byAnyParser: true },
];

const adele = spiffeId('aurore', 'adele');
const root = 'URI=spiffe://mesh.test/ns/aurore/sa/root';
const own = new RegExp(`^By=${adele};Hash=[0-9a-f]{64};URI=${adele}$`);

const identities: readonly Row[] = [
  { name: 'a forged identity', bytes: header(`x-forwarded-client-cert: By=x;${root}`), ...open },
  {
    name: 'two forged identities',
    bytes: header(`x-forwarded-client-cert: ${root}`, `x-forwarded-client-cert: ${root}`),
    ...open,
  },
  {
    name: 'a forged identity that ends like a true one',
    bytes: header(`X-Forwarded-Client-Cert: Hash=0;URI=${adele}`),
    ...open,
  },
].map((row) => ({ ...row, arrives: { 'x-forwarded-client-cert': own } }));

/** What would steer Envoy, and would show at the application or in the answer. */
const steering: readonly (readonly [name: string, value: string])[] = [
  ['original-path', '/admin'],
  ['original-host', 'closed.example'],
  ['internal', 'true'],
  ['retry-on', '5xx'],
  ['max-retries', '3'],
  ['retry-grpc-on', 'cancelled'],
  ['upstream-rq-per-try-timeout-ms', '1'],
  ['upstream-alt-stat-name', 'x'],
  ['downstream-service-cluster', 'root'],
  ['downstream-service-node', 'root'],
  ['decorator-operation', 'x'],
  ['force-trace', 'true'],
  ['attempt-count', '9'],
  ['ip-tags', 'x'],
  ['hedge-on-per-try-timeout', 'true'],
  ['expected-rq-timeout-ms', '1'],
];

const steered: readonly Row[] = [
  ...steering.map(([name, value]) => ({
    name: `x-envoy-${name} is dropped`,
    bytes: header(`x-envoy-${name}: ${value}`),
    ...open,
    arrives: { [`x-envoy-${name}`]: undefined },
  })),
  {
    name: 'a private address makes nobody internal',
    bytes: header('x-forwarded-for: 127.0.0.1', 'x-envoy-internal: true'),
    ...open,
    arrives: { 'x-envoy-internal': undefined, 'x-envoy-external-address': '10.99.0.1' },
  },
  {
    name: 'a claimed address is not taken for the caller’s',
    bytes: header('x-envoy-external-address: 127.0.0.1'),
    ...open,
    arrives: { 'x-envoy-external-address': '10.99.0.1' },
  },
  {
    name: 'a timeout of the caller’s is not kept',
    bytes: request('/delay/300', ['x-envoy-upstream-rq-timeout-ms: 1']),
    becomes: '200 GET /delay/300',
  },
];

const faults: readonly Row[] = [
  { name: 'an abort is not obeyed', bytes: header('x-envoy-fault-abort-request: 503'), ...open },
  { name: 'an abort of gRPC is not obeyed', bytes: header('x-envoy-fault-abort-grpc-request: 14'), ...open },
  {
    name: 'an abort in a share of its own is not obeyed',
    bytes: header('x-envoy-fault-abort-request: 418', 'x-envoy-fault-abort-request-percentage: 100'),
    ...open,
  },
  { name: 'a delay is not obeyed', bytes: header('x-envoy-fault-delay-request: 600000'), ...open },
];

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const ours: readonly Row[] = [
  {
    name: 'a request id is Envoy’s own',
    bytes: header('x-request-id: chosen'),
    ...open,
    arrives: { 'x-request-id': uuid },
  },
  {
    name: 'of two request ids neither is kept',
    bytes: header('x-request-id: one', 'X-Request-Id: two'),
    ...open,
    arrives: { 'x-request-id': uuid },
  },
  {
    name: 'a principal in our name does not arrive',
    bytes: header('x-coffre-principal: root', 'X-Coffre-Decision: chosen'),
    ...open,
    arrives: { 'x-coffre-principal': undefined, 'x-coffre-decision': undefined },
  },
];

export const headerRows: readonly Row[] = [
  ...named('SEC-06 a host', hosts),
  ...named('SEC-07 a value', values),
  ...named('SEC-08', texts),
  ...named('SEC-09', identities),
  ...named('SEC-10', steered),
  ...named('SEC-11', faults),
  ...named('SEC-13', ours),
];
