/** `reach`, `prove` and `diff` over folders: what a script goes by, and what a person reads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { documents, trustDomain } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { run } from './run-command.ts';

const mesh = `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain} }
`;

const grant = (paths: string, more = '') => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: api, methods: [GET], paths: [${paths}] }, reason: r${more} }
`;

const folders = {
  walled: folder(twoTenants),
  granted: folder(twoTenants, grant('/documents/*', ', notAfter: "2030-01-01T00:00:00Z"')),
  wider: folder(twoTenants, grant('/*', ', notAfter: "2030-01-01T00:00:00Z"')),
};
afterAll(() => {
  for (const each of Object.values(folders)) rmSync(each, { recursive: true });
});

function folder(...texts: readonly string[]): string {
  const dir = mkdtempSync(join(tmpdir(), 'coffre-proof-'));
  writeFileSync(join(dir, 'mesh.yaml'), documents(mesh, ...texts));
  return dir;
}

describe('coffre prove', () => {
  const ask = (dir: string, ...more: readonly string[]) =>
    run('prove', '--from', 'notaire', '--cannot-reach', 'atelier/api', '-f', dir, ...more);

  test('tells the walls where there is no path, and ends with 0', async () => {
    const { out, code } = await ask(folders.walled);
    expect(code).toBe(0);
    expect(out).toContain('NO PATH: notaire cannot reach atelier/api');
    expect(out).toContain('in/8080/atelier: it believes the CA of atelier only, not that of notaire');
  });

  test('tells a path with its example, and ends with 77', async () => {
    const { out, code } = await ask(folders.granted);
    expect(code).toBe(77);
    expect(out).toContain('allowed by grant/atelier/g; to app/8080');
    expect(out).toMatch(/send {2}GET \/documents/);
  });

  test('goes by the moment that is asked about', async () => {
    expect((await ask(folders.granted, '--at', '2029-12-31T23:59:59Z')).code).toBe(77);
    expect((await ask(folders.granted, '--at', '2030-01-01T00:00:00Z')).code).toBe(0);
  });

  test('finds the way through a tenant that is granted, and not in fewer hops', async () => {
    const through = ['prove', '--from', 'notaire/api-1', '--cannot-reach', 'atelier/db', '-f', folders.granted];
    const { out, code } = await run(...through, '-o', 'json');
    expect(code).toBe(77);
    expect(JSON.parse(out).links.map(({ to }: { to: string }) => to)).toEqual([
      'notaire/web-1',
      'atelier/api-1',
      'atelier/db-1',
    ]);
    expect((await run(...through, '--hops', '2')).code).toBe(0);
  });

  test('says whom it does not know, and ends with 2', async () => {
    const { err, code } = await run('prove', '--from', 'nobody', '--cannot-reach', 'any', '-f', folders.walled);
    expect(code).toBe(2);
    expect(err).toContain('no workload is meant by `nobody`');
  });
});

describe('coffre reach', () => {
  test('tells rules, their place and their end, and what lies behind', async () => {
    const { out } = await run('reach', 'notaire/web', '-f', folders.granted);
    expect(out).toMatch(
      /-> atelier\/api:80\n {4}GET, \/documents\/\*, until 2030-01-01T00:00:00.000Z: grant\/atelier\/g \(/,
    );
    expect(out).toContain('through atelier/api: atelier/db:5432');
  });

  test('ends with 1 where the one may not call the other, nor anything between', async () => {
    expect((await run('reach', 'notaire/web', 'atelier/db', '-f', folders.walled)).code).toBe(1);
    expect((await run('reach', 'notaire/web', 'atelier/db', '-f', folders.granted)).code).toBe(0);
  });

  test('makes a matrix of tenants and of services', async () => {
    const { out } = await run('reach', '--matrix', '-f', folders.granted, '-o', 'json');
    const { tenants, cells, services } = JSON.parse(out);
    expect({ tenants, cells }).toEqual({
      tenants: ['atelier', 'notaire'],
      cells: [
        [3, 0],
        [1, 2],
      ],
    });
    expect(services[0]).toMatchObject({ service: 'atelier/api:80' });
    expect(services[0].callers).toContain(`spiffe://${trustDomain}/ns/notaire/sa/web`);
  });
});

describe('coffre diff', () => {
  test('marks what lets a tenant in, be it new or wider, and ends with 79', async () => {
    const opened = await run('diff', '-f', folders.granted, '--against', folders.walled);
    expect(opened.code).toBe(79);
    expect(opened.out).toContain('+ Grant/atelier/g');
    expect(opened.out).toMatch(/\+ \S+\/ns\/notaire\/sa\/web -> atelier\/api:80 \(ACROSS TENANTS\)/);
    expect(opened.out).toContain('~Listener inbound');
    expect((await run('diff', '-f', folders.wider, '--against', folders.granted)).code).toBe(79);
  });

  test('ends with 0 where nothing changed, or what was granted is withdrawn', async () => {
    expect((await run('diff', '-f', folders.granted, '--against', folders.granted)).code).toBe(0);
    const closed = await run('diff', '-f', folders.walled, '--against', folders.granted);
    expect(closed.code).toBe(0);
    expect(closed.out).toContain('- Grant/atelier/g');
  });
});
