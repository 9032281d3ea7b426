/**
 * SEC-01 to SEC-04: request targets. A row says the one path that a target is, or how it is refused:
 * a status for what is no target at all, `unclean` for what two readers would take for two paths.
 */
import { type Row, request } from './row.ts';
import { isClosed } from './world.ts';

type Target = readonly [sent: string, is: string];

const dots: readonly Target[] = [
  ['/ok', '/ok'],
  ['/', '/'],
  ['/a/../admin', '/admin'],
  ['/a/./admin', '/a/admin'],
  ['/./admin', '/admin'],
  ['/./a/../admin', '/admin'],
  ['/a/b/../../admin', '/admin'],
  ['/a/../../admin', '/admin'],
  ['/../admin', '/admin'],
  ['/../../../admin', '/admin'],
  ['/a/..', '/'],
  ['/a/.', '/a/'],
  ['/.', '/'],
  ['/..', '/'],
  ['/admin/', '/admin/'],
  ['/admin/.', '/admin/'],
  ['/admin/..', '/'],
  ['/admin/../', '/'],
  ['/admin/../ok', '/ok'],
  ['/admin/./x', '/admin/x'],
  ['/admin/x/..', '/admin/'],
  ['/ok/../admin/../ok', '/ok'],
  ['/administrator', '/administrator'],
  ['/a/admin', '/a/admin'],
  ['/...', '/...'],
  ['/.../admin', '/.../admin'],
  ['/a/.admin', '/a/.admin'],
  ['/..admin', '/..admin'],
  ['/%2e/admin', '/admin'],
  ['/%2E/admin', '/admin'],
  ['/a/%2e%2e/admin', '/admin'],
  ['/a/%2E%2E/admin', '/admin'],
  ['/a/.%2E/admin', '/admin'],
  ['/a/%2e./admin', '/admin'],
  ['/admin/%2e%2e/admin', '/admin'],
  ['/%2e%2e/%2e%2e/admin', '/admin'],
  ['/admin/%2e', '/admin/'],
  ['/%252e%252e/admin', '/%252e%252e/admin'],
  ['/%61dmin', '/admin'],
  ['/%61%64%6d%69%6e', '/admin'],
  ['/a%64min/x', '/admin/x'],
  ['/%2561dmin', '/%2561dmin'],
  ['/ADMIN', '/ADMIN'],
  ['/Admin', '/Admin'],
  ['/a/%2e%2e;/admin', 'unclean'],
  ['/ok%7e', '/ok~'],
  ['/ok%41', '/okA'],
  ['/documents/7', '/documents/7'],
  ['/documents/7/secret', '/documents/7/secret'],
  ['/documents/%37/secret', '/documents/7/secret'],
  ['/documents/a/../7/secret', '/documents/7/secret'],
  ['/documents/7/./secret', '/documents/7/secret'],
  ['/documents/7/secret/..', '/documents/7/'],
  ['/documents/../admin', '/admin'],
  ['/ok?/../admin', '/ok?/../admin'],
  ['/ok?x=/admin', '/ok?x=/admin'],
  ['/admin?x=/../ok', '/admin?x=/../ok'],
  ['/a/../admin?', '/admin?'],
  [`/${'a/'.repeat(2_000)}${'../'.repeat(2_000)}admin`, '/admin'],
  [`/${'./'.repeat(4_000)}admin`, '/admin'],
];

const slashes: readonly Target[] = [
  ['//admin', '/admin'],
  ['///admin//x', '/admin/x'],
  ['/ok//x', '/ok/x'],
  ['//', 'unclean'],
  ['/a//../admin', '/a/admin'],
  ['/documents//7//secret', '/documents/7/secret'],
  ['/admin%2Fx', '400'],
  ['/admin%2fx', '400'],
  ['/ok%2Fx', '400'],
  ['/a/..%2fadmin', '400'],
  ['/a/..%2F..%2Fadmin', '400'],
  ['/%2Fadmin', '400'],
  ['/admin%5Cx', '400'],
  ['/a%5c..%5cadmin', '400'],
  ['/a\\..\\admin', '/admin'],
  ['/\\admin', '/admin'],
  ['/admin\\x', '/admin/x'],
];

const parameters: readonly Target[] = [
  ['/admin;', '/admin;'],
  ['/admin;x', '/admin;x'],
  ['/admin;x/y', '/admin;x/y'],
  ['/admin;x=1;y=2/z', '/admin;x=1;y=2/z'],
  ['/admin%3Bx', '/admin%3Bx'],
  ['/documents/7;v=1/secret', '/documents/7;v=1/secret'],
  ['/documents/7/secret;v=1', '/documents/7/secret;v=1'],
  ['/ok;x', '/ok;x'],
  ['/user/..;x=1/admin', '/admin'],
  ['/user/..;/admin', '/admin'],
  ['/a/b/..;/../admin', '/admin'],
  ['/.;/admin', '/admin'],
  ['/;/admin', 'unclean'],
  ['/;x/admin', 'unclean'],
  ['/ok/..%3b/admin', 'unclean'],
  ['/ok;/../admin', '/admin'],
  ['/ok/..;', '/'],
];

const oddities: readonly Target[] = [
  ['/admin#x', '400'],
  ['/ok#/../admin', '400'],
  ['/ok#', '400'],
  ['/documents/7/secret#x', '400'],
  ['/ok?x#/admin', '400'],
  ['/admin%23x', '/admin%23x'],
  ['/admin?', '/admin?'],
  ['/admin.', '/admin.'],
  ['/admin%20', '/admin%20'],
  ['*', '400'],
  ['/%', 'unclean'],
  ['/%g1', 'unclean'],
  ['/%2', 'unclean'],
  ['/%00/admin', '400'],
  [`/${'a'.repeat(8_191)}`, `/${'a'.repeat(8_191)}`],
  [`/admin/${'a'.repeat(8_184)}`, `/admin/${'a'.repeat(8_184)}`],
];

/** Targets by no grammar at all, and one beyond all bounds. */
const noTargets: readonly Target[] = [
  ['admin', '400'],
  ['\\admin', '400'],
  ['/ok x', '400'],
  ['/admin\0', '400'],
  ['/admin\x7f', '400'],
  ['/admin\xc3\xa9', '400'],
  ['/admin\x01', '400'],
  [`/${'a'.repeat(70_000)}`, '431'],
];

function rowsOf(name: string, targets: readonly Target[]): readonly Row[] {
  return targets.map(([sent, is]) => {
    const bytes = request(sent);
    const [shown] = JSON.stringify(sent).match(/^.{1,60}/) ?? [];
    if (/^\d/.test(is)) return { name: `${name} the target ${shown}`, bytes, becomes: is };
    const [passes, refused] = [`200 GET ${is}`, '403'];
    if (is === 'unclean') return { name: `${name} the target ${shown} is unclean`, bytes, becomes: refused };
    const closed = isClosed(is);
    return {
      name: `${name} the target ${shown} is ${is.slice(0, 40)}`,
      bytes,
      becomes: closed ? refused : passes,
      ...(closed ? { granted: passes } : {}),
    };
  });
}

export const pathRows: readonly Row[] = [
  ...rowsOf('SEC-01', dots),
  ...rowsOf('SEC-02', slashes),
  ...rowsOf('SEC-03', parameters),
  ...rowsOf('SEC-04', oddities),
  ...rowsOf('SEC-04', noTargets).map((row) => ({ ...row, byAnyParser: true as const })),
];

const bytes = Array.from({ length: 256 }, (_, byte) => byte);

/** SEC-02: every byte behind the closed name, encoded and as it is; nothing is said of what becomes of it but what must not. */
export const byteRows: readonly Row[] = bytes.flatMap((byte) => {
  const hex = byte.toString(16).padStart(2, '0');
  const char = String.fromCharCode(byte);
  return [
    { name: `%${hex}`, bytes: request(`/admin%${hex}`), becomes: '' },
    { name: `%${hex.toUpperCase()}x`, bytes: request(`/admin%${hex.toUpperCase()}x`), becomes: '' },
    ...(char === '\n' || char === '\r' ? [] : [{ name: `\\x${hex}`, bytes: request(`/admin${char}x`), becomes: '' }]),
  ];
});
