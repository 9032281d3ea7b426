/** The folders of sidecars outside Kubernetes: written once, touched only where they would say something else, and put back. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type EquipPorts, equipWorkloads, restoreMs } from '../../src/compose/equip-workloads.ts';
import { tokenLifetimeMs } from '../../src/identity/token-issuer.io.ts';
import { keepUnchanged } from '../../src/model/keep-unchanged.ts';
import { type Quarantine, standingAt } from '../../src/model/quarantine.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { quarantined } from '../fixtures/random-quarantines.ts';
import { workloads as others, pod, service, tenant, twoTenants } from '../fixtures/two-tenants.ts';
import { testAuthority } from '../grpc/authority.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

const workloads = 5;
/** Bootstrap and hosts. */
const filesEach = 2;

async function equipment() {
  const folder = await temporaryFolder();
  let nowMs = Date.UTC(2027, 0, 1);
  const touched: string[] = [];
  const ports: EquipPorts = {
    nowMs: () => nowMs,
    async write(path, text) {
      touched.push(path.slice(folder.length + 1));
      await writeFile(path, text);
    },
  };
  const xds = { address: '127.0.0.1', port: 15012 };
  const authority = await testAuthority();
  const sync = equipWorkloads({ workloads: folder, xds, bypass: { kind: 'mark', mark: 1 } }, authority, ports);
  let before: Snapshot | undefined;
  return {
    read: (path: string) => readFile(join(folder, path), 'utf8'),
    spoil: (path: string) => rm(join(folder, path)),
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** @returns the files that were read or written for it, sorted. */
    async look(yaml: string, ...cutOff: readonly Quarantine[]): Promise<readonly string[]> {
      const snapshot = { ...meshFrom(yaml), quarantines: standingAt(cutOff, 0) };
      before = before === undefined ? snapshot : keepUnchanged(before, snapshot);
      touched.length = 0;
      await sync(before);
      return touched.toSorted();
    },
  };
}

/** The first pod of atelier, under explicit capture. */
const explicit = twoTenants
  .replace(
    'labels: { app: web } }',
    'labels: { app: web }, annotations: { coffre.dev/capture: explicit, coffre.dev/application-address: 127.0.5.1, coffre.dev/outbound-addresses: atelier/db=127.9.0.1 } }',
  )
  .replace('10.1.0.1', '127.0.1.1');

test('the first look writes every file, and the same mesh again touches none', async () => {
  const { look } = await equipment();
  expect(await look(twoTenants)).toHaveLength(workloads * filesEach);
  expect(await look(twoTenants)).toEqual([]);
});

test('an endpoint that moves touches no file, of its own tenant or of another', async () => {
  const { look } = await equipment();
  await look(explicit);
  const moved = explicit.replace(pod('atelier', 'db', '10.1.0.3'), pod('atelier', 'db', '10.1.0.99'));
  expect(moved).not.toBe(explicit);
  expect(await look(moved)).toEqual([]);
  const unready = moved.replace(pod('atelier', 'db', '10.1.0.99'), pod('atelier', 'db', '10.1.0.99', { ready: false }));
  expect(unready).not.toBe(moved);
  expect(await look(unready)).toEqual([]);
});

test('a workload that comes is one folder, and no other is touched', async () => {
  const { look } = await equipment();
  await look(twoTenants);
  const key = 'notaire/late-1';
  expect(await look(documents(twoTenants, pod('notaire', 'late', '10.2.0.77')))).toEqual([
    `${key}/bootstrap.json`,
    `${key}/hosts`,
  ]);
});

test('a service more is told to the workload under explicit capture, and to its own new pod', async () => {
  const { look, read } = await equipment();
  await look(explicit);
  const touched = await look(
    documents(
      explicit,
      service('atelier', 'store', '10.96.1.9', 'name: tcp, port: 5433'),
      pod('atelier', 'store', '10.1.0.9'),
    ),
  );
  expect(new Set(touched.map((path) => path.split('/', 2).join('/')))).toEqual(
    new Set(['atelier/store-1', 'atelier/web-1']),
  );
  expect(await read('atelier/web-1/services.json')).toContain('store.atelier');
});

test('a way out of the mesh is one more name for the workloads of its tenant, and nobody else is touched', async () => {
  const { look, read } = await equipment();
  await look(twoTenants);
  const egress =
    'environment: prod, egress: [{ name: bank.example, port: 443, protocol: tcp, region: eu-west-3, jurisdiction: FR }]';
  const touched = await look(documents(tenant('atelier', egress), tenant('notaire'), others));
  expect(touched).toHaveLength(3 * filesEach);
  expect(await read('atelier/db-1/hosts')).toContain('bank.example');
});

test('a file that was deleted is put back by the first look after its time, and not read before', async () => {
  const { look, pass, read, spoil } = await equipment();
  await look(twoTenants);
  await spoil('atelier/web-1/hosts');
  expect(await look(twoTenants)).toEqual([]);
  pass(restoreMs);
  expect(await look(twoTenants)).toHaveLength(workloads * filesEach);
  expect(await read('atelier/web-1/hosts')).toBe('');
});

test('whoever is under quarantine gets no new token, all others do, and it does again when it is released', async () => {
  const { look, pass, read } = await equipment();
  await look(twoTenants);
  const tokens = () => Promise.all(['atelier/web-1', 'atelier/api-1'].map((key) => read(`${key}/secrets/token`)));
  const [lost, other] = await tokens();
  pass(tokenLifetimeMs);
  await look(twoTenants, quarantined('atelier', 'web', Number.MAX_SAFE_INTEGER));
  const [withheld, renewed] = await tokens();
  expect([withheld === lost, renewed === other]).toEqual([true, false]);
  await look(twoTenants);
  expect((await tokens())[0]).not.toBe(lost);
});
