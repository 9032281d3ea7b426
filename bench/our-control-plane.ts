/**
 * Our control plane over the standard mesh, in a process of its own: the real way from objects to streams, without the folder.
 *
 *   commands ──▶ MeshObjects ──▶ LossGuard ──▶ SnapshotBuilder ──▶ Loop ──▶ Rollout ──▶ SnapshotCache ──▶ ADS over TLS
 *
 *   our-control-plane.ts FOLDER SCALE [STREAMS]     one line of JSON a command on standard input, and one an answer; see
 *                                                   control-plane.ts; STREAMS is how many pods of a service have one
 *
 * Objects are made and tokens minted before it says that it is prepared: what is measured begins with `serve`. Every proxy
 * has the certificate of the server in place of its own, and every tenant one anchor: to issue a thousand is the CA's work.
 */
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { serveProxies } from '../src/compose/serve-proxies.ts';
import { Loop } from '../src/controller/loop.io.ts';
import { LossGuard } from '../src/controller/loss-guard.ts';
import { Rollout } from '../src/controller/rollout.io.ts';
import { defaultServerDnsName } from '../src/identity/authority.ts';
import { openAuthority } from '../src/identity/open-authority.io.ts';
import { systemPorts } from '../src/identity/system-ports.io.ts';
import type { Snapshot } from '../src/model/snapshot.ts';
import { SnapshotBuilder } from '../src/model/snapshot-builder.ts';
import type { SourcedObject } from '../src/model/sourced-object.ts';
import { drillClock, systemClock } from '../src/system-clock.ts';
import { SnapshotCache } from '../src/xds/cache.ts';
import { contentVersion, type Resource } from '../src/xds/resource.ts';
import type { XdsEvent } from '../src/xds/xds-event.ts';
import { benchPlatform } from './bench-platform.ts';
import { burnVariable, type ControlPlaneCommand, type ControlPlaneCounts } from './control-plane.ts';
import { CopiedBytes } from './copied-bytes.ts';
import { MeshObjects } from './mesh-objects.ts';
import { Probe } from './probe.ts';
import { benchTrustDomain, type Change, markedAddress, standardMesh } from './standard-mesh.ts';

const [folder = '.', ...sizes] = process.argv.slice(2);
const [scale = 1, streams] = sizes.map(Number);
const mesh = standardMesh(scale, streams);
const source = new MeshObjects(mesh);
const guard = new LossGuard();
const builder = new SnapshotBuilder();
const cache = new SnapshotCache();
const authority = await openAuthority({
  stateFolder: join(folder, 'state'),
  trustDomain: benchTrustDomain,
  ports: systemPorts,
});
await authority.ensure({ tenants: ['tenant-0'], spiffeIds: [], leafLifetimeMs: 86_400_000 });
const leaf = authority.serverCredentials();
const bundle = authority.bundlePem('tenant-0');
if (leaf === undefined || bundle === undefined) throw new Error('the CA has issued nothing');
const identity = { certificateChainPem: leaf.certificateChainPem, privateKeyPem: leaf.privateKeyPem.reveal() };
const tokens = await Promise.all(
  mesh.proxies.map(({ key, serviceAccount }) => authority.tokens.mintToken({ workload: key, serviceAccount })),
);

const burnMs = Number(process.env[burnVariable] ?? 0) / 1_000;
const probe = new Probe();
const copies = new CopiedBytes();
let objects: readonly SourcedObject[] = [];
let latest: Snapshot | undefined;
let [pushes, pushedBytes, nacks] = [0, 0, 0];
const { server } = serveProxies({
  ...{ address: '127.0.0.1:0', authority, snapshots: cache },
  bearers: { judgeBearer: (token) => authority.tokens.verifyToken(token) },
  snapshot: () => latest,
  observe(event: XdsEvent) {
    if (event.kind === 'pushed') {
      pushes += 1;
      pushedBytes += event.bytes;
      burn();
    }
    if (event.kind === 'nacked') nacks += 1;
    queueMicrotask(() => rollout.heard(event));
  },
});
const rollout = new Rollout({ clock: drillClock, cache, refusalsChanged: () => loop.tellProblems() });
const loop: Loop = new Loop({
  clock: systemClock,
  platform: benchPlatform,
  snapshot(nowMs) {
    latest = builder.build(objects, nowMs);
    return latest;
  },
  trust: {
    trustDomain: benchTrustDomain,
    rootPem: authority.rootPem,
    leaf: () => identity,
    bundlePem: () => bundle,
    workerIdentity: () => identity,
    ensure: async () => ({ changed: false, failures: [] }),
    nextRenewalMs: () => Infinity,
  },
  equip: async () => Infinity,
  rotations: { underway: () => [], turn: async () => Infinity },
  proxies: cache,
  rollout,
  report: {
    problems: () => undefined,
    published: () => undefined,
    buildFailed: (_workload, _part, cause) => fail(cause),
    madeWhole: (_tenant, cause) => fail(cause),
    issueFailed: () => undefined,
    runFailed: fail,
  },
});

/** What is measured is a control plane in good health. */
function fail(cause: unknown): never {
  console.error(cause);
  process.exit(1);
}

/** Spends as much on each response as the gate is told to, so that it can be seen to fail. */
function burn(): void {
  const endMs = performance.now() + burnMs;
  while (performance.now() < endMs);
}

function look(): void {
  objects = guard.take(source.all());
  loop.lookAgain();
}

async function serve(): Promise<object> {
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  look();
  await loop.settled();
  const proxies = mesh.proxies.map(({ key, tenant }, index) => ({
    id: key,
    cluster: tenant,
    token: tokens[index]?.token,
  }));
  const fleet = { serverName: defaultServerDnsName, rootPem: authority.rootPem, proxies };
  writeFileSync(join(folder, 'fleet.json'), JSON.stringify(fleet));
  return { address: bound.address };
}

/** Every resource once, and who holds which: what a peer serves. With them its certificate, which is ours. */
async function exportTo(to: string): Promise<object> {
  const numbers = new Map<Resource, number>();
  const nodes = mesh.proxies.map(({ key }) => {
    const listings = [...(cache.get(key)?.types.values() ?? [])];
    return listings.flatMap((listing) =>
      [...listing.values()].map((resource) => {
        const number = numbers.get(resource) ?? numbers.size;
        numbers.set(resource, number);
        return number;
      }),
    );
  });
  const file = createWriteStream(join(to, 'resources.bin'));
  const resources = [...numbers.keys()].map(({ typeUrl, name, any }) => {
    file.write(any);
    return { typeUrl, name, bytes: any.length };
  });
  file.end();
  await once(file, 'close');
  const ids = mesh.proxies.map(({ key }) => key);
  writeFileSync(join(to, 'index.json'), JSON.stringify({ ids, nodes, resources }));
  writeFileSync(join(to, 'server.crt'), identity.certificateChainPem);
  writeFileSync(join(to, 'server.key'), identity.privateKeyPem, { mode: 0o600 });
  return { resources: resources.length };
}

/** One resource that every proxy holds, moved in the cache: what remains is the xDS server and what it stands on. */
function fanOut({ typeUrl, name, mark, nodes }: Change): object {
  const held = cache
    .get(mesh.proxies[0]?.key ?? '')
    ?.types.get(typeUrl)
    ?.get(name);
  if (held === undefined) throw new Error(`nobody holds \`${name}\``);
  const marked = Buffer.from(held.any)
    .toString('latin1')
    .replace(/11(\.1\d\d){3}/, markedAddress(mark));
  const any = Buffer.from(marked, 'latin1');
  const resource: Resource = { ...held, any, version: contentVersion(any) };
  for (const node of nodes) {
    const key = mesh.proxies[node]?.key ?? '';
    const snapshot = cache.get(key);
    if (snapshot === undefined) throw new Error(`\`${key}\` has no configuration`);
    const listing = new Map(snapshot.types.get(typeUrl)).set(name, resource);
    cache.set(key, { ...snapshot, types: new Map(snapshot.types).set(typeUrl, listing) });
  }
  return {};
}

function counts(): ControlPlaneCounts {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, rssBytes: process.memoryUsage.rss(), pushes, pushedBytes, nacks };
}

async function answer(command: ControlPlaneCommand): Promise<object> {
  switch (command.do) {
    case 'serve':
      return serve();
    case 'change':
      if (command.change.kind === 'fan-out') return fanOut(command.change);
      source.apply(command.change);
      look();
      return {};
    case 'settle':
      await loop.settled();
      return {};
    case 'export':
      return exportTo(command.folder);
    case 'counts':
      return counts();
    case 'profile':
      if (!command.on) return { text: await probe.endProfile() };
      await probe.beginProfile();
      return {};
    case 'copies':
      if (!command.on) return { bytes: copies.end() };
      copies.begin();
      return {};
    case 'memory':
      return { bytes: probe.heapBytes() };
  }
}

console.log(JSON.stringify({ id: 0 }));
// By event: an iterator would give one line a microtask, and a look of the loop would come between any two changes.
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { id, ...command } = JSON.parse(line);
  void answer(command).then((answered) => console.log(JSON.stringify({ id, ...answered })), fail);
});
lines.on('close', () => process.exit());
