/** Commands as a person types them, in this process: what is printed, and how they end. */
import { cp, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { runAt } from './run-command.ts';

const demo = resolve(import.meta.dirname, '../../deploy/demo');

function coffre(...args: readonly string[]) {
  return runAt(Date.parse('2026-11-21T12:00:00Z'), ...args);
}

async function copyOfDemo(): Promise<string> {
  const folder = await temporaryFolder();
  await cp(demo, folder, { recursive: true });
  return folder;
}

test('`--version` prints that of the package, and ends with 0', async () => {
  const { version } = JSON.parse(await readFile(resolve(import.meta.dirname, '../../package.json'), 'utf8'));
  expect(await coffre('--version')).toMatchObject({ out: `${version}\n`, code: 0 });
});

describe('check', () => {
  test('a folder without errors ends with 0, and its warnings are told', async () => {
    const { out, code } = await coffre('check', demo);
    expect(code).toBe(0);
    expect(out).toMatch(/^warning: outsider\/pod\.yaml:\d+: /m);
    expect(out).toMatch(/2 tenants.*; 0 errors, 2 warnings\n$/);
  });

  test('a misspelt field is told with file, line and what was meant, and ends with 1', async () => {
    const folder = await copyOfDemo();
    await writeFile(
      join(folder, 'atelier/no-admin.yaml'),
      (await readFile(join(folder, 'atelier/no-admin.yaml'), 'utf8')).replace('paths:', 'path:'),
    );
    const { out, code } = await coffre('check', folder);
    expect(code).toBe(1);
    expect(out).toMatch(/^error: atelier\/no-admin\.yaml:12: .*`paths`/m);
  });

  test('`-o json` holds the same problems as values', async () => {
    const { out } = await coffre('check', demo, '-o', 'json');
    expect(JSON.parse(out)).toEqual({
      revision: expect.stringMatching(/^[0-9a-f]+$/),
      errors: 0,
      problems: [
        { line: 2, kind: 'Namespace' },
        { line: 11, kind: 'Pod' },
      ].map(({ line, kind }) =>
        expect.objectContaining({
          code: 'missing-tenant',
          severity: 'warning',
          object: expect.objectContaining({ kind }),
          where: { file: 'outsider/pod.yaml', line },
        }),
      ),
    });
  });
});

describe('explain over a folder', () => {
  const ask = (...args: readonly string[]) => coffre('explain', '--folder', demo, ...args);

  test('allowed ends with 0 and names the line', async () => {
    const { out, code } = await ask('--from', 'atelier/web', '--to', 'atelier/api');
    expect({ code, head: out.split('\n')[0] }).toEqual({
      code: 0,
      head: 'ALLOWED: spiffe://demo.coffre/ns/atelier/sa/web to atelier/api:80',
    });
    expect(out).toContain('(atelier/tenant.yaml:2) allows it');
  });

  test('the Grant that it prints, saved, makes the same question end with 0', async () => {
    const folder = await copyOfDemo();
    const question = [
      '--from',
      'atelier/web',
      '--to',
      'notaire/api:80',
      '--method',
      'PUT',
      '--path',
      '/acts/7?draft=1',
    ];
    const before = await coffre('explain', '--folder', folder, ...question);
    expect(before.code).toBe(1);
    const yaml = before.out.slice(before.out.indexOf('apiVersion:'));
    expect(yaml).toContain('paths: ["/acts/7"]');
    await writeFile(join(folder, 'notaire/opened.yaml'), yaml);
    expect(await coffre('check', folder)).toMatchObject({ code: 0 });
    expect(await coffre('explain', '--folder', folder, ...question)).toMatchObject({ code: 0 });
  });

  test('a decision is found by its id in the worker’s log, and judged again', async () => {
    const log = join(await temporaryFolder(), 'decisions.jsonl');
    const request = {
      principal: 'spiffe://demo.coffre/ns/atelier/sa/web',
      destination: '10.99.1.2:8080',
      host: 'api',
      method: 'GET',
      path: '/admin/x',
    };
    const record = {
      id: 'abc-1',
      timeMs: 0,
      durationUs: 9,
      request,
      verdict: 'deny',
      reason: 'deny-rule',
      revision: 'old',
    };
    await writeFile(
      log,
      `not json abc-1\n${JSON.stringify({ ...record, id: 'abc-12' })}\n${JSON.stringify(record)}\n{"id":"abc-1`,
    );
    const { out, code } = await ask('abc-1', '--log', log);
    expect(code).toBe(1);
    expect(out).toContain('decision abc-1, 1970-01-01T00:00:00.000Z, by the worker: deny, deny-rule');
    expect(out).toContain('the mesh has changed since: revision old then');
    expect(out).toContain('access-policy/atelier/no-admin/deny/0');
  });

  test.each([
    { title: 'a refusal', status: 403, details: 'rbac_access_denied', verdict: 'deny' },
    { title: 'a refusal of gRPC', status: 200, details: 'rbac_access_denied_matched_policy[x]', verdict: 'deny' },
    { title: 'a failure on the way', status: 503, details: 'ext_authz_error', verdict: 'unavailable' },
    { title: 'an application’s own 403', status: 403, details: 'via_upstream', verdict: 'allow' },
  ])('$title is found in a sidecar’s log, beside lines of Envoy itself', async ({ status, details, verdict }) => {
    const log = join(await temporaryFolder(), 'envoy.log');
    const line = {
      log: 'request',
      decision: 'abc-2',
      time: '2026-11-21T11:00:00Z',
      principal: 'spiffe://demo.coffre/ns/notaire/sa/web',
      destination: '[fd99::1:2]:8080',
      method: 'GET',
      path: '/?q=1',
      status,
      details,
    };
    await writeFile(log, `[2026-11-21][info] starting abc-2\n${JSON.stringify(line)}\n`);
    const { out, code } = await ask('abc-2', '--log', log);
    expect(code).toBe(verdict === 'allow' ? 0 : 1);
    expect(out).toContain(`by the sidecar: ${verdict}, ${details}`);
    expect(out).toContain('no grant leads from tenant `notaire`');
  });

  test.each([
    { title: 'an id that nobody wrote down', args: ['abc-3', '--log', '/dev/null'], code: 1, err: /sidecar's own log/ },
    { title: 'a log that is not there', args: ['abc-3', '--log', '/nowhere/d.jsonl'], code: 2, err: /ENOENT/ },
    { title: 'no question', args: [], code: 2, err: /--from tenant\/service-account/ },
    { title: 'a destination that is none', args: ['--from', 'a/b', '--to', 'api'], code: 2, err: /tenant\/service/ },
  ])('$title is told with what to do', async ({ args, code, err }) => {
    expect(await ask(...args)).toEqual({ out: '', err: expect.stringMatching(err), code });
  });

  test('control characters in a log give the terminal no orders', async () => {
    const log = join(await temporaryFolder(), 'd.jsonl');
    await writeFile(
      log,
      `${JSON.stringify({ id: 'abc-4', timeMs: 0, verdict: 'undecodable', why: '\u001b[2J\u202e' })}\n`,
    );
    const { out } = await ask('abc-4', '--log', log);
    expect(out).toContain('undecodable');
    for (const order of ['\u001b', '\u202e']) expect(out).not.toContain(order);
  });
});

describe('admin issue', () => {
  async function state(): Promise<string> {
    const folder = await temporaryFolder();
    await openAuthority({ stateFolder: folder, trustDomain: 'mesh.test', ports: systemPorts });
    return folder;
  }

  test('writes a certificate, a key and the root, readable by their owner only', async () => {
    const out = join(await temporaryFolder(), 'alice');
    const args = [
      'admin',
      'issue',
      '--role',
      'viewer',
      '--tenant',
      'atelier',
      '--name',
      'alice',
      '--out',
      out,
      '--state',
      await state(),
    ];
    const issued = await coffre(...args);
    expect(issued).toMatchObject({ code: 0, err: '' });
    expect(issued.out).toContain('spiffe://mesh.test/people/viewer/tenant/atelier/alice');
    for (const file of ['person.crt', 'person.key', 'mesh-root.crt']) {
      expect((await stat(join(out, file))).mode & 0o777).toBe(0o600);
    }
  });

  test('says to an alerter what it is for', async () => {
    const out = join(await temporaryFolder(), 'alertmanager');
    const whose = ['--role', 'alerter', '--tenant', 'atelier', '--name', 'alertmanager'];
    const issued = await coffre('admin', 'issue', ...whose, '--out', out, '--state', await state());
    expect(issued).toMatchObject({ code: 0, out: expect.stringContaining('/v1/alerts') });
    expect(issued.out).not.toContain('coffre status');
  });

  test.each([
    { title: 'no scope', more: [], err: /--mesh/ },
    { title: 'both scopes', more: ['--mesh', '--tenant', 'a'], err: /cannot be used with/ },
    { title: 'a life beyond the longest', more: ['--mesh', '--valid', '721h'], err: /at most `720h`/ },
    { title: 'the name of who holds the state folder', more: ['--mesh', '--name', 'owner'], err: /choose another/ },
    { title: 'a tenant that can be no name', more: ['--tenant', 'A/B'], err: /no name of a person/ },
  ])('$title is refused, and nothing is written', async ({ more, err }) => {
    const out = join(await temporaryFolder(), 'bob');
    const issued = await coffre(
      'admin',
      'issue',
      '--role',
      'operator',
      '--name',
      'bob',
      '--out',
      out,
      '--state',
      await state(),
      ...more,
    );
    expect(issued).toMatchObject({ code: 2, err: expect.stringMatching(err) });
    await expect(stat(out)).rejects.toThrow(/ENOENT/);
  });

  test('a state folder without a mesh is told, with what to do', async () => {
    const issued = await coffre(
      'admin',
      'issue',
      '--role',
      'viewer',
      '--mesh',
      '--name',
      'a',
      '--out',
      '/nowhere',
      '--state',
      await temporaryFolder(),
    );
    expect(issued).toMatchObject({ code: 2, err: expect.stringMatching(/start the control plane on it once/) });
  });
});

describe('a command that cannot be carried out', () => {
  test.each([
    {
      title: 'a control plane that does not run',
      args: ['status', '--state', '/nowhere'],
      code: 3,
      err: /coffre up DIR/,
    },
    { title: 'a port without a certificate', args: ['status', '--admin', '127.0.0.1:1'], code: 2, err: /--as DIR/ },
    {
      title: 'an address that is none',
      args: ['status', '--admin', 'localhost', '--as', '.'],
      code: 2,
      err: /127\.0\.0\.1:15014/,
    },
    {
      title: 'a backup of a key that would lie open',
      args: ['backup', '--out', 'x'],
      code: 2,
      err: /--passphrase-file/,
    },
    {
      title: 'a backup that is not there',
      args: ['restore', '/nowhere/b', '--state', '/nowhere/s'],
      code: 2,
      err: /ENOENT.*check the path/,
    },
    {
      title: 'a proxy of nothing, offline',
      args: ['proxy', 'bootstrap', 'a/b', '--out', '/nowhere', '--offline', '--state', '/nowhere'],
      code: 1,
      err: /Tenant/,
    },
    {
      title: 'a check of a folder that is not there',
      args: ['check', '/nowhere'],
      code: 2,
      err: /^coffre: `\/nowhere`: /,
    },
    { title: 'an unknown command', args: ['stauts'], code: 2, err: /Did you mean status/ },
  ])('$title ends with $code and what to do', async ({ args, code, err }) => {
    expect(await coffre(...args)).toMatchObject({ code, err: expect.stringMatching(err) });
  });

  test('asking for help is no failure, and the exit codes are part of it', async () => {
    const { out, code } = await coffre('status', '--help');
    expect(code).toBe(0);
    expect(out).toContain('3  the control plane cannot be reached');
  });
});
