/**
 * A change is tried on what really came, out of the chain of a running mesh; then it is put in force, and what was
 * foretold comes true: request by request, by real Envoys.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inLab } from './differential/in-lab.ts';
import { closedPaths, identities, runCoffre, showMs, WatchedMesh } from './watched-mesh.ts';

const web = 'shop/web-0';
const desk = 'bank/desk-0';

const toShop = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: to-shop, namespace: archive }
spec: { from: { tenant: shop }, to: { service: files }, reason: the shop looks things up }
`;

const asksHeader = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: asks, namespace: shop }
spec: { selector: { matchLabels: { app: api } }, deny: [{ to: { headers: [{ name: x-debug, present: true }] } }] }
`;

interface Told {
  readonly records: number;
  readonly seen: { readonly allowed: number; readonly share: number };
  readonly report: {
    readonly changes: Readonly<Record<string, number>>;
    readonly groups: Readonly<Record<string, readonly { readonly caller: string; readonly path?: string }[]>>;
    readonly opened: number;
    readonly drifted: number;
    readonly drift: readonly unknown[];
    readonly judged: { readonly allowed: number; readonly refused: number };
  };
}

inLab('a change put to the traffic of a running mesh', () => {
  let mesh: WatchedMesh;
  let files = 0;

  beforeAll(async () => {
    mesh = await WatchedMesh.start({
      prepare: async (_, folder) => {
        const file = join(folder, 'mesh.yaml');
        writeFileSync(file, readFileSync(file, 'utf8').replace('samplePercent: 0', 'samplePercent: 100'));
      },
    });
  });
  afterAll(() => mesh?.stop());

  function written(text: string): string {
    files += 1;
    const file = join(mesh.folder, `change-${files}.yaml`);
    writeFileSync(file, text);
    return file;
  }

  async function simulate(change: string, ...flags: readonly string[]) {
    const asked = ['simulate', '-f', change, '--dir', mesh.lab.folder, '--against', '1h', '-o', 'json', ...flags];
    const { code, out, err } = await mesh.coffre(...asked);
    return { code, err, told: JSON.parse(out) as Told };
  }

  const statusOf = async (pod: string, url: string) => (await mesh.ask(pod, url)).status;

  test('every call of some minutes is there, and the mesh as it is would judge each as it was judged', async () => {
    const asked = [
      await statusOf(web, 'http://api/open/[1-5]'),
      await statusOf(web, 'http://api/other'),
      await statusOf(web, 'http://api/admin/x'),
      await statusOf(desk, 'http://api.shop/open/1'),
      await statusOf(desk, 'http://api.shop/other'),
    ];
    expect(asked).toEqual([200, 200, 403, 200, 403]);
    // Stopped at the caller: no grant leads there.
    await expect(statusOf(web, 'http://files.archive/')).resolves.not.toBe(200);
    const replayed = async () => (await simulate(mesh.lab.folder)).told.report.judged;
    await expect.poll(replayed, { timeout: showMs }).toEqual({ allowed: 7, refused: 3, allowedStandFor: 7 });
    const { code, err, told } = await simulate(mesh.lab.folder, '--fail-on', 'drift');
    expect({ code, err, drift: told.report.drift }).toEqual({ code: 0, err: '', drift: [] });
    const { same, ...flipped } = told.report.changes;
    expect([same, Object.values(flipped).every((count) => count === 0)]).toEqual([10, true]);
    expect(told.seen).toMatchObject({ allowed: 7, share: 1 });
  });

  test('a grant that would let a tenant in ends with 79, by what was stopped at the caller', async () => {
    const { code, told } = await simulate(written(toShop));
    expect(code).toBe(79);
    expect(told.report.groups['newly-allowed']).toMatchObject([
      { caller: identities.web, destination: 'archive/files:80', crossTenant: true, seen: 1 },
    ]);
  });

  test('a rule that asks for what no record holds is told as unknown', async () => {
    const { code, told } = await simulate(written(asksHeader), '--fail-on', 'unknown');
    expect(code).toBe(78);
    expect(told.report.changes).toMatchObject({ 'may-be-denied': 7, 'newly-denied': 0, same: 3 });
  });

  test('an export tells the same where no control plane is', async () => {
    const [copy, key] = [join(mesh.folder, 'export.jsonl'), join(mesh.folder, 'key.pem')];
    writeFileSync(key, await mesh.publicKey());
    expect((await mesh.coffre('evidence', 'export', '--out', copy)).code).toBe(0);
    const where = ['--dir', mesh.lab.folder, '--against', '1h', '-o', 'json'];
    const change = written(closedPaths('no-open', '/open/*'));
    const offline = await runCoffre(['simulate', '-f', change, ...where, '--events', copy, '--key', key]);
    const { told } = await simulate(change);
    expect(JSON.parse(offline.out).report).toEqual(told.report);
  });

  test('what is foretold of a change comes true when it is in force', async () => {
    const change = closedPaths('no-open', '/open/*');
    const { code, told } = await simulate(written(change), '--fail-on', 'denied');
    expect(code).toBe(1);
    expect(told.report.groups['newly-denied']?.map(({ caller, path }) => [caller, path])).toEqual([
      [identities.web, '/open/{}'],
      [identities.desk, '/open/{}'],
    ]);
    mesh.lab.write('no-open.yaml', change);
    await expect.poll(() => statusOf(web, 'http://api/open/1'), { timeout: showMs }).toBe(403);
    expect([await statusOf(desk, 'http://api.shop/open/1'), await statusOf(web, 'http://api/other')]).toEqual([
      403, 200,
    ]);
    // What was allowed then is denied by the mesh as it is now: drift, and no flip.
    const later = await simulate(mesh.lab.folder);
    expect(later.told.report.drifted).toBeGreaterThanOrEqual(6);
    expect(later.told.report.changes).toMatchObject({ 'newly-denied': 0, 'newly-allowed': 0 });
  });
});
