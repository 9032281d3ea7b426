/**
 * A real Envoy accepts what we write for random meshes, one after another on the same stream: no NACK, ever, and
 * nothing left warming.
 *
 * COFFRE_RUNS meshes (150 without it). A refusal is told with the mesh as YAML and in Envoy's words.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configure, type IssuedTrust } from '../../src/controller/configure.ts';
import { regexLayer, regexLimits } from '../../src/envoy/regex-limits.ts';
import type { Authority } from '../../src/identity/authority.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { type EnvoyProcess, startEnvoy } from '../../src/lab/envoy-process.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { systemClock } from '../../src/system-clock.ts';
import { SnapshotCache } from '../../src/xds/cache.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { platform } from '../fixtures/configured.ts';
import { trustDomain } from '../fixtures/mesh-from.ts';
import { momentsMs, randomMesh, snapshotOf, spiffeId, tenants, yamlOf } from '../fixtures/random-mesh.ts';
import { bootstrapOf } from './xds-envoy-resources.ts';

const runs = Number(process.env['COFFRE_RUNS'] ?? 150);
/** Bound of the whole test, in ms: a mesh takes some tens of milliseconds, on a loaded machine many times that. */
const testMs = 120_000 + runs * 2_000;
/** How long Envoy may take to settle on one mesh, in ms: a poll's bound, not a measurement. */
const settleMs = 20_000;
const pod = 'aurore/probe';

const stateFolder = mkdtempSync(join(tmpdir(), 'ca-'));
const snapshots = new SnapshotCache();
const events: XdsEvent[] = [];
const server = new Server();
let lab: Lab;
let envoy: EnvoyProcess;
let trust: IssuedTrust;

beforeAll(async () => {
  trust = trustOf(await authorityOfAll());
  lab = await startLab();
  await serve(join(lab.dir, 'xds.sock'));
  await lab.addPod({ key: pod, addresses: ['10.99.1.2'], intercepted: false, dnsResolvers: [], hosts: new Map() });
  const bootstrapPath = join(lab.dir, 'bootstrap.json');
  const ads = { ads: {}, resource_api_version: 'V3' };
  const drill = { name: 'drill', rtds_layer: { name: 'drill', rtds_config: ads } };
  const bootstrap = {
    ...bootstrapOf('DELTA_GRPC', lab.dir),
    layered_runtime: { layers: [{ name: regexLayer, static_layer: regexLimits }, drill] },
  };
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap));
  envoy = await startEnvoy(lab, pod, { bootstrapPath });
});

afterAll(async () => {
  server.forceShutdown();
  await lab?.stop();
  rmSync(stateFolder, { recursive: true, force: true });
});

test('random meshes are accepted whole', { timeout: testMs }, async () => {
  await fc.assert(
    fc.asyncProperty(randomMesh(), fc.constantFrom(...momentsMs), fc.nat(), async (objects, nowMs, index) => {
      const mark = events.length;
      const snapshot = snapshotOf(objects);
      const { proxies, failed, withheld } = configure(snapshot, trust, platform, nowMs);
      expect({ failed, withheld }).toEqual({ failed: [], withheld: [] });
      const key = [...snapshot.workloads.keys()][index % snapshot.workloads.size] ?? '';
      const resources = proxies.get(key);
      if (resources === undefined) throw new Error(`\`${key}\` was not configured`);
      snapshots.set('probe', resources);
      await expect
        .poll(async () => refusalsSince(mark).length > 0 || (await isSettled()), { timeout: settleMs })
        .toBe(true);
      const refusals = refusalsSince(mark);
      if (refusals.length > 0) throw new Error(`${refusals.join('\n')}\nof \`${key}\` in:\n${yamlOf(objects)}`);
    }),
    { numRuns: runs },
  );
  const rejected = [...(await envoy.stats(''))].filter(
    ([name, count]) => name.endsWith('.update_rejected') && count > 0,
  );
  expect(rejected).toEqual([]);
  const dump = JSON.stringify(await envoy.configDump());
  expect(dump).not.toContain('error_state');
});

/** Every response was answered, and everything that came is in use. */
async function isSettled(): Promise<boolean> {
  const open = new Set<string>();
  for (const event of events) {
    if (event.kind === 'pushed') open.add(`${event.stream} ${event.typeUrl} ${event.nonce}`);
    else if ('nonce' in event) open.delete(`${event.stream} ${event.typeUrl} ${event.nonce}`);
  }
  if (open.size > 0 || !events.some(({ kind }) => kind === 'acked')) return false;
  const warming = await envoy.admin('/stats?filter=(total_listeners_warming|warming_clusters)$');
  return warming.split('\n').every((line) => line === '' || line.endsWith(': 0'));
}

function refusalsSince(mark: number): string[] {
  return events.slice(mark).flatMap((event) => {
    if (event.kind === 'nacked') return [`${event.typeUrl} was refused: ${JSON.stringify(event.cause)}`];
    return event.kind === 'stream-closed' || event.kind === 'refused' ? [`${event.kind}: ${event.reason}`] : [];
  });
}

async function serve(path: string): Promise<void> {
  const service = createXdsService({
    identifier: 'accepted',
    clock: systemClock,
    snapshots,
    observe: (event) => events.push(event),
    authenticate: () => Promise.resolve({ kind: 'client', key: 'probe' }),
  });
  server.addService(service.definition, service.implementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  snapshots.setReady();
}

/** A real CA that has issued for everybody the random meshes can name: Envoy reads what it is given. */
async function authorityOfAll(): Promise<Authority> {
  const authority = await openAuthority({ stateFolder: join(stateFolder, 'state'), trustDomain, ports: systemPorts });
  await authority.ensure({
    tenants: tenants.map(({ name }) => name),
    spiffeIds: tenants.flatMap(({ name, accounts }) => accounts.map((account) => spiffeId(name, account))),
    leafLifetimeMs: 86_400_000,
  });
  return authority;
}

function trustOf(authority: Authority): IssuedTrust {
  const issued = (leaf: ReturnType<Authority['leaf']>) =>
    leaf && { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
  return {
    rootPem: authority.rootPem,
    bundlePem: (tenant) => authority.bundlePem(tenant),
    leaf: (id) => issued(authority.leaf(id)),
    workerIdentity: () => issued(authority.serverCredentials()),
  };
}
