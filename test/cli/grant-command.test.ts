/** `coffre grant request` over a folder and against a door: what is printed lets that request through until its end, or nothing is. */
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explain } from '../../src/policy/explain.ts';
import { headerLines } from '../../src/policy/stated-request.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { doorOf } from './door-of.ts';
import { runAt } from './run-command.ts';

const nowMs = Date.UTC(2027, 0, 1, 12);
const endMs = Date.UTC(2027, 0, 1, 14);
const end = '2027-01-01T14:00:00Z';

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain} }
`;
const apart = documents(tenant('atelier'), tenant('notaire', 'environment: test'), workloads);
const sealing = documents(tenant('atelier', 'environment: prod, sealedServices: [api]'), tenant('notaire'), workloads);
const policy = (spec: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: atelier }
spec: ${spec}
`;
const onlyApi = policy('{ allow: [{ from: { serviceAccounts: [api] } }] }');
const noDeeds = policy('{ selector: { matchLabels: { app: api } }, deny: [{ to: { paths: ["/deeds/*"] } }] }');

async function folder(...texts: readonly string[]): Promise<string> {
  const dir = await temporaryFolder();
  writeFileSync(join(dir, 'mesh.yaml'), documents(mesh, ...texts));
  return dir;
}

function coffre(...args: readonly string[]) {
  return runAt(nowMs, 'grant', 'request', ...args);
}

const asked = ['--path', '/deeds/7', '--for', '2h', '--reason', 'deed 7: who signed?'];
const foreign = ['--from', 'notaire/web', '--to', 'atelier/api', ...asked];
const own = ['--from', 'atelier/web', '--to', 'atelier/api:80', ...asked];

/** Verdicts on requests around the one that was asked for, once the YAML is committed. */
function verdictsWith(world: string, yaml: string, from: string) {
  const committed = meshFrom(documents(world, yaml));
  const ask = (who: string, method: string, path: string, atMs: number) => {
    const to = { kind: 'service', service: 'atelier/api' } as const;
    const explanation = explain(committed, { from: who, to, request: { method, path } }, atMs);
    return explanation.kind === 'judged' ? explanation.verdict : explanation.kind;
  };
  const [tenantName] = from.split('/');
  return {
    asked: ask(from, 'GET', '/deeds/7', endMs - 1),
    atItsEnd: ask(from, 'GET', '/deeds/7', endMs),
    otherMethod: ask(from, 'PUT', '/deeds/7', nowMs),
    otherPath: ask(from, 'GET', '/deeds/8', nowMs),
    otherCaller: ask(`${tenantName}/db`, 'GET', '/deeds/7', nowMs),
  };
}

const onlyThat = { asked: 'allow', atItsEnd: 'deny', otherMethod: 'deny', otherPath: 'deny', otherCaller: 'deny' };

describe('by a folder', () => {
  test('for another tenant it is a grant of that request to that caller, with its end and reason', async () => {
    const { out, err, code } = await coffre(...foreign, '-f', await folder(twoTenants));
    expect({ err, code }).toEqual({ err: '', code: 0 });
    await expect(out).toMatchFileSnapshot('golden/grant-request.yaml');
    expect(verdictsWith(twoTenants, out, 'notaire/web')).toEqual(onlyThat);
  });

  test('for one of the same tenant it is a rule that ends, and the reason is said above it', async () => {
    const world = documents(twoTenants, onlyApi);
    const { out, err, code } = await coffre(...own, '-f', await folder(world));
    expect({ err, code }).toEqual({ err: '', code: 0 });
    await expect(out).toMatchFileSnapshot('golden/rule-request.yaml');
    expect(verdictsWith(world, out, 'atelier/web')).toEqual(onlyThat);
  });

  test('a name that is taken is not taken again', async () => {
    const { out } = await coffre(...foreign, '-f', await folder(twoTenants));
    const dir = await folder(twoTenants, out.replace('/deeds/7', '/other'));
    expect((await coffre(...foreign, '-f', dir)).out).toContain('name: notaire-web-to-api-2');
  });

  test('the host and the headers that are stated are what it asks', async () => {
    const stated = ['--host', 'API.Atelier:80', '--header', 'X-Team: red'];
    const { out, err, code } = await coffre(...foreign, ...stated, '-f', await folder(twoTenants));
    expect({ err, code }).toEqual({ err: '', code: 0 });
    expect(out).toContain('    hosts: ["api.atelier"]\n');
    const snapshot = meshFrom(documents(twoTenants, out));
    const verdict = (host: string, ...lines: readonly [string, string][]) => {
      const request = { method: 'GET', path: '/deeds/7', host, headers: headerLines(lines) };
      const to = { kind: 'service', service: 'atelier/api' } as const;
      const told = explain(snapshot, { from: 'notaire/web', to, request }, nowMs);
      return told.kind === 'judged' && told.verdict;
    };
    expect([
      verdict('api.atelier', ['x-team', 'red']),
      verdict('other.atelier', ['x-team', 'red']),
      verdict('api.atelier', ['x-team', 'blue']),
      verdict('api.atelier'),
    ]).toEqual(['allow', 'deny', 'deny', 'deny']);
    const torn = await coffre(...foreign, '--header', 'red', '-f', await folder(twoTenants));
    expect(torn).toMatchObject({ out: '', code: 2, err: expect.stringContaining('`red` is no header') });
  });

  test('on an opaque port it names no method and no path', async () => {
    const args = ['--from', 'notaire/web', '--to', 'atelier/db', ...asked];
    const { out, code } = await coffre(...args, '-f', await folder(twoTenants));
    expect(code).toBe(0);
    expect(out).toContain('ports: [5432]');
    expect(out).not.toMatch(/methods|paths/);
  });

  test.each([
    ['the service is sealed', documents(sealing), foreign, 'is sealed by its tenant'],
    ['environments never meet', apart, foreign, 'tenants of different environments never meet'],
    ['a deny rule refuses its own tenant', documents(twoTenants, noDeeds), own, 'a deny wins over every allow'],
    [
      'a deny rule would refuse it all the same',
      documents(twoTenants, noDeeds),
      foreign,
      'would refuse it all the same',
    ],
    ['it is allowed already', twoTenants, own, 'it is allowed already: `tenant/atelier/default`'],
  ])('nothing is printed where %s, and the exit is 1', async (_, world, args, told) => {
    const file = join(await temporaryFolder(), 'grant.yaml');
    const { out, err, code } = await coffre(...args, '-f', await folder(world), '--apply', file);
    expect({ out, code }).toEqual({ out: '', code: 1 });
    expect(err).toContain(told);
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  test.each([
    ['a life that is over at once', ['--for', '1s'], 'between `1m` and `720h`'],
    ['a life without end', ['--for', '721h'], 'between `1m` and `720h`'],
    ['no duration', ['--for', 'soon'], 'between `1m` and `720h`'],
    ['no reason', ['--reason', ' '], 'the reason is empty'],
    ['a reason that would end its comment', ['--reason', 'a\nspec: {}'], 'longer than a line'],
    ['a reason that nobody may write', ['--reason', 'x'.repeat(5_000)], 'could not be read'],
    ['a service that is not there', ['--to', 'atelier/nothing'], 'there is no service `atelier/nothing`'],
    ['no destination', ['--to', 'api'], '`api` is no destination'],
    ['a folder that is not there', ['-f', '/nowhere/at/all'], '`/nowhere/at/all`'],
    ['a file that no folder reads', ['--apply', 'grant.txt'], 'would not be read'],
  ])('%s is misuse', async (_, more, told) => {
    const { out, err, code } = await coffre(...foreign, '-f', await folder(twoTenants), ...more);
    expect({ out, code }).toEqual({ out: '', code: 2 });
    expect(err).toContain(told);
  });
});

/** Whoever runs the tests, or nobody where that is root, who may write anywhere. */
function noRoot(): number {
  const nobody = 65_534;
  const own = process.getuid?.() ?? nobody;
  return own === 0 ? nobody : own;
}

async function asNoRoot<T>(act: () => Promise<T>): Promise<T> {
  const own = process.geteuid?.() ?? noRoot();
  process.seteuid?.(noRoot());
  try {
    return await act();
  } finally {
    process.seteuid?.(own);
  }
}

describe('--apply', () => {
  test('creates the file whole, readable as the umask lets it, and leaves nothing beside', async () => {
    const dir = await folder(twoTenants);
    const file = join(dir, 'deed-7.yaml');
    const { out, err } = await coffre(...foreign, '-f', dir, '--apply', file);
    expect(readFileSync(file, 'utf8')).toBe(out);
    expect(err).toBe(`created ${file}; it ends at ${end}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o666 & ~process.umask());
    expect(readdirSync(dir).sort()).toEqual(['deed-7.yaml', 'mesh.yaml']);
    // And the folder, read again, holds it.
    expect((await coffre(...foreign, '-f', dir)).err).toContain('it is allowed already: `grant/atelier/');
  });

  test('overwrites nothing', async () => {
    const dir = await folder(twoTenants);
    const file = join(dir, 'mesh.yaml');
    const before = readFileSync(file, 'utf8');
    const { out, err, code } = await coffre(...foreign, '-f', dir, '--apply', file);
    expect({ out, code }).toEqual({ out: '', code: 2 });
    expect(err).toContain('was left as it is');
    expect(readFileSync(file, 'utf8')).toBe(before);
    expect(readdirSync(dir)).toEqual(['mesh.yaml']);
  });

  test('writes with the rights of the caller and with no others, whoever runs the control plane', async () => {
    const dir = await folder(twoTenants);
    const file = join(dir, 'deed-7.yaml');
    const request = () => coffre(...foreign, '-f', dir, '--apply', file);
    chmodSync(dir, 0o555);
    const refused = await asNoRoot(request);
    expect({ out: refused.out, code: refused.code }).toEqual({ out: '', code: 2 });
    expect(refused.err).toContain('EACCES');
    expect(readdirSync(dir)).toEqual(['mesh.yaml']);
    chmodSync(dir, 0o777);
    expect((await asNoRoot(request)).code).toBe(0);
    expect(statSync(file).uid).toBe(noRoot());
  });

  test('says so where there is no such folder', async () => {
    const file = join(await temporaryFolder(), 'absent', 'grant.yaml');
    const { err, code } = await coffre(...foreign, '-f', await folder(twoTenants), '--apply', file);
    expect(code).toBe(2);
    expect(err).toContain('ENOENT');
  });
});

describe('by the running control plane', () => {
  const door = (world: string) => doorOf(meshFrom(world), nowMs);

  test('the same is printed as by its folder', async () => {
    const byFolder = await coffre(...foreign, '-f', await folder(twoTenants));
    expect(await coffre(...foreign, '--state', await door(twoTenants))).toEqual(byFolder);
  });

  test('and the same is refused', async () => {
    const world = documents(twoTenants, noDeeds);
    const { out, err, code } = await coffre(...foreign, '--state', await door(world));
    expect({ out, code }).toEqual({ out: '', code: 1 });
    expect(err).toContain('would refuse it all the same');
  });
});
