/** The simulated proxies ask and acknowledge as Envoy does: seen from the server, which is ours. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFleet } from '../../bench/fleet.ts';
import { buildGo, proxiesProgram } from '../../bench/go-program.ts';
import { MeshObjects } from '../../bench/mesh-objects.ts';
import { firstMark, standardMesh } from '../../bench/standard-mesh.ts';
import { createGrpcServer, type GrpcServer } from '../../src/grpc/grpc-server.ts';
import { defaultServerDnsName } from '../../src/identity/authority.ts';
import { openAuthority } from '../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { systemClock } from '../../src/system-clock.ts';
import { SnapshotCache } from '../../src/xds/cache.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { configurationOf } from './proxy-configuration.ts';

const hasGo = spawnSync('go', ['version']).status === 0;
/** A first build compiles Envoy's whole API. */
const buildMs = 600_000;

describe.skipIf(!hasGo)('a simulated proxy (needs `go` to be built)', () => {
  const mesh = standardMesh(0.024);
  const [proxy] = mesh.proxies;
  const key = proxy?.key ?? '';
  const objects = new MeshObjects(mesh);
  let server: TestServer;

  beforeAll(async () => {
    buildGo(proxiesProgram);
    server = await TestServer.start({ id: key, cluster: proxy?.tenant ?? '', token: 'any' });
  }, buildMs);
  afterAll(() => server.stop());

  async function started(configuration: ResourceSnapshot) {
    server.forget(key, configuration);
    return startFleet(server.fleetFile, server.address);
  }

  test('asks for its runtime, then its clusters, then its listeners, and for the rest as it is named', async () => {
    const fleet = await started(configurationOf(buildSnapshot(objects.all(), 0), key));
    await fleet.connect();
    const { runtime, cluster, endpoints, secret, listener, route } = typeUrls;
    const pushed = server.types('pushed');
    expect(pushed.slice(0, 2)).toEqual([runtime, cluster]);
    expect(pushed.indexOf(listener)).toBeGreaterThan(pushed.indexOf(endpoints));
    expect(pushed.indexOf(listener)).toBeGreaterThan(pushed.indexOf(secret));
    expect(pushed.indexOf(route)).toBeGreaterThan(pushed.indexOf(listener));
    await fleet.stop();
  });

  test('is settled when it has acknowledged every resource of its configuration', async () => {
    const configuration = configurationOf(buildSnapshot(objects.all(), 0), key);
    const fleet = await started(configuration);
    await fleet.connect();
    await server.until(() => server.unanswered() === 0);
    const held = [...configuration.types.values()].flatMap((listing) => [...listing.keys()]);
    expect((await fleet.counts()).resources).toBe(held.length);
    await fleet.stop();
  });

  test('acknowledges clusters only once their endpoints and secrets are there', async () => {
    const whole = configurationOf(buildSnapshot(objects.all(), 0), key);
    const fleet = await started(without(whole, typeUrls.secret));
    const up = fleet.connect();
    await server.until(() => server.types('acked').includes(typeUrls.endpoints));
    await server.until(() => server.types('pushed').includes(typeUrls.secret));
    expect(server.types('acked')).not.toContain(typeUrls.cluster);
    server.cache.set(key, whole);
    await up;
    const acked = server.events.filter((event) => event.kind === 'acked');
    const clusters = acked.findIndex(({ typeUrl }) => typeUrl === typeUrls.cluster);
    for (const awaited of [typeUrls.endpoints, typeUrls.secret]) {
      const there = acked.findIndex(({ typeUrl, resources }) => typeUrl === awaited && resources.size > 0);
      expect(there).toBeGreaterThanOrEqual(0);
      expect(clusters).toBeGreaterThan(there);
    }
    await fleet.stop();
  });

  test('that comes back with what it holds is sent nothing but the layer it asks for anew', async () => {
    const fleet = await started(configurationOf(buildSnapshot(objects.all(), 0), key));
    await fleet.connect();
    await fleet.cut();
    const before = await fleet.counts();
    server.events.length = 0;
    await fleet.connect();
    const after = await fleet.counts();
    expect(server.types('pushed')).toEqual([typeUrls.runtime]);
    expect(after.resources - before.resources).toBe(1);
    expect(after.streamsLost).toBe(0);
    await fleet.stop();
  });

  test('tells the mark of what it has acknowledged', async () => {
    const fleet = await started(configurationOf(buildSnapshot(objects.all(), 0), key));
    await fleet.connect();
    await fleet.sightings();
    for (const [kind, mark] of [
      ['endpoint', firstMark],
      ['mesh-policy', firstMark + 1],
    ] as const) {
      const change = mesh.change(kind, 0, mark);
      objects.apply(change);
      server.events.length = 0;
      server.cache.set(key, configurationOf(buildSnapshot(objects.all(), 0), key));
      await server.until(() => server.types('acked').includes(change.typeUrl));
      // That may be a late one of the first configuration: it tells of no mark.
      const seen: (readonly [number, string, number])[] = [];
      const look = async () => {
        for (const [proxy, name, of] of await fleet.sightings()) seen.push([proxy, name, of]);
        return seen;
      };
      await expect.poll(look).toEqual([[0, change.name, mark]]);
    }
    await fleet.stop();
  });

  test('gives up what nothing names any more', async () => {
    const whole = configurationOf(buildSnapshot(objects.all(), 0), key);
    const fleet = await started(whole);
    await fleet.connect();
    const [gone = ''] = [...(whole.types.get(typeUrls.cluster)?.keys() ?? [])].filter((name) => name.endsWith('/80'));
    server.events.length = 0;
    server.cache.set(key, lacking(whole, gone));
    await server.until(() => server.unsubscribed().includes(gone));
    await fleet.stop();
  });
});

function without({ revision, types }: ResourceSnapshot, typeUrl: string): ResourceSnapshot {
  return {
    revision,
    types: new Map([...types].map(([each, listing]) => [each, each === typeUrl ? new Map() : listing])),
  };
}

function lacking({ types }: ResourceSnapshot, cluster: string): ResourceSnapshot {
  const rest = [...(types.get(typeUrls.cluster) ?? [])].filter(([name]) => name !== cluster);
  return { revision: 'lacking', types: new Map(types).set(typeUrls.cluster, new Map(rest)) };
}

class TestServer {
  readonly cache = new SnapshotCache();
  readonly events: XdsEvent[] = [];
  address = '';
  readonly fleetFile: string;
  readonly #folder: string;
  readonly #server: GrpcServer;
  readonly #waiting = new Set<() => void>();

  static async start(proxy: { readonly id: string; readonly cluster: string; readonly token: string }) {
    const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
    const authority = await openAuthority({
      stateFolder: join(folder, 'state'),
      trustDomain: 'bench.test',
      ports: systemPorts,
    });
    const tls = authority.serverCredentials();
    if (tls === undefined) throw new Error('the CA has no certificate for the server');
    const server = createGrpcServer({ address: '127.0.0.1:0', tls, requireClientCertificate: false });
    const fleetFile = join(folder, 'fleet.json');
    const fleet = { serverName: defaultServerDnsName, rootPem: authority.rootPem, proxies: [proxy] };
    writeFileSync(fleetFile, JSON.stringify(fleet));
    const made = new TestServer(folder, server, fleetFile);
    const xds = createXdsService({
      identifier: 'test',
      clock: systemClock,
      snapshots: made.cache,
      observe: (event) => made.heard(event),
      authenticate: async ({ node }) => ({ kind: 'client', key: node.id }),
    });
    server.addDefinition(xds.definition, xds.implementation);
    const bound = await server.bind();
    if (bound.kind !== 'bound') throw new Error(bound.message);
    made.address = bound.address;
    return made;
  }

  private constructor(folder: string, server: GrpcServer, fleetFile: string) {
    this.#folder = folder;
    this.#server = server;
    this.fleetFile = fleetFile;
    this.cache.setReady();
  }

  /** The next client finds this, and nothing that was before is remembered. */
  forget(key: string, configuration: ResourceSnapshot): void {
    this.cache.set(key, configuration);
    this.events.length = 0;
  }

  types(kind: 'pushed' | 'acked'): readonly string[] {
    return this.events.flatMap((event) => (event.kind === kind ? [event.typeUrl] : []));
  }

  unsubscribed(): readonly string[] {
    return this.events.flatMap((event) => (event.kind === 'unsubscribed' ? event.names : []));
  }

  unanswered(): number {
    return this.types('pushed').length - this.types('acked').length;
  }

  /** Resolves as soon as an event makes it true. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async stop(): Promise<void> {
    await this.#server.close(0);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  private heard(event: XdsEvent): void {
    this.events.push(event);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
