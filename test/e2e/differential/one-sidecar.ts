/**
 * One pod behind a real sidecar that is told whatever a test publishes, and a way to reach its ports from outside.
 *
 *   publish(resources) ──delta ADS──▶ Envoy ◀──redirect── door ◀── dial(port)         app.ts behind Envoy writes down
 *
 * The pod keeps its address while meshes come and go: the inbound listener takes what is redirected to it, and judges by
 * port, SNI and certificate.
 */

import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { JsonValue } from '@bufbuild/protobuf';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { bootstrapFor } from '../../../src/envoy/bootstrap.ts';
import { adminCluster, controlPlaneCluster, evidenceCluster } from '../../../src/envoy/names.ts';
import { proxyMark } from '../../../src/envoy/redirect.ts';
import { regexLayer, regexLimits } from '../../../src/envoy/regex-limits.ts';
import { type AppProcess, startApp } from '../../../src/lab/app-process.ts';
import { type EnvoyProcess, startEnvoy } from '../../../src/lab/envoy-process.ts';
import { type Lab, startLab } from '../../../src/lab/lab.ts';
import { hostPlace } from '../../../src/lab/protocol.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { SnapshotCache } from '../../../src/xds/cache.ts';
import type { ClientStatus } from '../../../src/xds/client-status.ts';
import type { ResourceSnapshot } from '../../../src/xds/resource.ts';
import { createXdsService, type XdsService } from '../../../src/xds/server.io.ts';
import type { XdsEvent } from '../../../src/xds/xds-event.ts';
import { at, isObject } from '../../envoy/json.ts';
import { bootstrapOf } from '../xds-envoy-resources.ts';
import type { Credentials } from './callers.ts';

const pod = 'aurore/probe';
const podAddress = '10.99.1.2';
const proxy = 'probe';
/** Longest wait for Envoy to take a configuration, in ms: a poll's bound, not a measurement. */
const settleMs = 20_000;
/** What an Envoy that serves by what it was told says of itself. */
const settled = [
  'listener_manager.workers_started: 1',
  'listener_manager.total_listeners_warming: 0',
  'cluster_manager.warming_clusters: 0',
];
/** Between two looks, in ms. */
const lookMs = 10;
/** Longest wait for the door and for the first byte of its answer, in ms. */
const doorMs = 10_000;

/** How the sidecar's own connections pass its pod's redirection. */
export const bypass = { kind: 'mark', mark: proxyMark } as const;

export class OneSidecar {
  readonly lab: Lab;
  readonly envoy: EnvoyProcess;
  readonly #snapshots: SnapshotCache;
  readonly #server: Server;
  readonly #pushes: Pushes;
  readonly #service: XdsService;

  private constructor(
    lab: Lab,
    envoy: EnvoyProcess,
    snapshots: SnapshotCache,
    server: Server,
    pushes: Pushes,
    service: XdsService,
  ) {
    this.lab = lab;
    this.envoy = envoy;
    this.#snapshots = snapshots;
    this.#server = server;
    this.#pushes = pushes;
    this.#service = service;
  }

  static async start(): Promise<OneSidecar> {
    const lab = await startLab();
    const [snapshots, server, pushes] = [new SnapshotCache(), new Server(), new Pushes()];
    try {
      const service = await serve(server, snapshots, pushes, join(lab.dir, 'xds.sock'));
      await lab.addPod({ key: pod, addresses: [podAddress], intercepted: true, dnsResolvers: [], hosts: new Map() });
      const script = new URL('./door.ts', import.meta.url).pathname;
      const argv = [process.execPath, script, doorOf(lab)];
      const door = await lab.spawn({ in: hostPlace, argv, confined: false, name: 'door' });
      await door.waitForLine(/^ready$/, doorMs);
      const bootstrapPath = join(lab.dir, 'bootstrap.json');
      writeFileSync(bootstrapPath, JSON.stringify(bootstrap(lab.dir)));
      return new OneSidecar(lab, await startEnvoy(lab, pod, { bootstrapPath }), snapshots, server, pushes, service);
    } catch (error) {
      server.forceShutdown();
      await lab.stop();
      throw error;
    }
  }

  /** Behind the sidecar. @param service names its log. @param listen such as `http:8080`. */
  startApp(service: string, listen: readonly string[]): Promise<AppProcess> {
    return startApp(this.lab, pod, { service, listen, host: '127.0.0.1' });
  }

  /** Resolves once Envoy serves by what it acknowledged, all of it. @throws with Envoy's words where it refuses. */
  async publish(resources: ResourceSnapshot): Promise<void> {
    this.#snapshots.set(proxy, resources);
    const deadline = performance.now() + settleMs;
    while (this.#pushes.refusals.length === 0 && !(await this.#isSettled())) {
      if (performance.now() > deadline) throw new Error(`Envoy did not settle within ${settleMs} ms`);
      await sleep(lookMs);
    }
    const refusals = this.#pushes.refusals.splice(0);
    if (refusals.length > 0) throw new Error(refusals.join('\n'));
  }

  /** What it was sent and took, as the control plane knows it; the client is called `probe`. */
  status(): readonly ClientStatus[] {
    return this.#service.status();
  }

  /** A TCP connection to a port of the pod, from the network outside it. */
  async dial(port: number): Promise<Socket> {
    const socket = connect(doorOf(this.lab));
    await new Promise<void>((resolve, reject) => {
      socket.setTimeout(doorMs, () => reject(new Error(`port ${port} of the pod cannot be dialled`)));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`port ${port} of the pod refuses connections`)));
      // One byte and no more: the next may be the pod's own. Readable is also an end, which the close tells of.
      socket.once('readable', () => {
        if (socket.read(1) !== null) resolve();
      });
      socket.write(`${podAddress} ${port}\n`);
    });
    return socket.removeAllListeners('error').removeAllListeners('close').setTimeout(0);
  }

  /** The same under TLS. The server's certificate is nobody's question here: what is tested is whom it lets in. */
  async dialTls(port: number, credentials: Credentials | undefined, options: ConnectionOptions): Promise<TLSSocket> {
    const socket = await this.dial(port);
    const shown = credentials && { cert: credentials.certificateChainPem, key: credentials.privateKeyPem };
    return tlsConnect({ socket, rejectUnauthorized: false, ...shown, ...options });
  }

  async stop(): Promise<void> {
    this.#server.forceShutdown();
    await this.lab.stop();
  }

  async #isSettled(): Promise<boolean> {
    if (!this.#pushes.areAnswered()) return false;
    const gauges = await this.envoy.admin('/stats?filter=(workers_started|warming|warming_clusters)$').catch(() => '');
    // The first listeners of an Envoy never warm: until all that they name is there, its workers have not begun.
    return settled.every((gauge) => gauges.includes(`${gauge}\n`));
  }
}

/** What Envoy still owes an answer to, and what it refused. */
class Pushes {
  readonly refusals: string[] = [];
  readonly #open = new Set<string>();
  #acked = false;

  observe(event: XdsEvent): void {
    if (event.kind === 'pushed') this.#open.add(`${event.stream} ${event.typeUrl} ${event.nonce}`);
    else if ('nonce' in event) this.#open.delete(`${event.stream} ${event.typeUrl} ${event.nonce}`);
    if (event.kind === 'acked') this.#acked = true;
    if (event.kind === 'nacked') this.refusals.push(`${event.typeUrl} was refused: ${JSON.stringify(event.cause)}`);
  }

  areAnswered(): boolean {
    return this.#acked && this.#open.size === 0;
  }
}

function doorOf(lab: Lab): string {
  return join(lab.dir, 'door.sock');
}

function bootstrap(dir: string): object {
  const ads = { ads: {}, resource_api_version: 'V3' };
  const drill = { name: 'drill', rtds_layer: { name: 'drill', rtds_config: ads } };
  // Under the name that a sidecar of ours knows its control plane by.
  const text = JSON.stringify(bootstrapOf('DELTA_GRPC', dir)).replaceAll('"xds"', JSON.stringify(controlPlaneCluster));
  const base: { static_resources?: { clusters?: readonly JsonValue[] } } = JSON.parse(text);
  const known = base.static_resources?.clusters ?? [];
  const [asXds] = known.filter(isObject);
  const evidence = {
    ...asXds,
    name: evidenceCluster,
    type: 'EDS',
    eds_cluster_config: { eds_config: { ...ads, initial_fetch_timeout: '0.1s' } },
    load_assignment: undefined,
  };
  const clusters = [...known, evidence, ...adminClusters(dir)];
  return {
    ...base,
    static_resources: { clusters },
    layered_runtime: { layers: [{ name: regexLayer, static_layer: regexLimits }, drill] },
  };
}

/** The way to its own admin interface, as in every bootstrap that we write. */
function adminClusters(dir: string): readonly unknown[] {
  const ours = bootstrapFor({
    nodeId: pod,
    nodeCluster: 'aurore',
    controlPlane: { address: '10.99.0.1', port: 15_012 },
    serverName: 'coffre.mesh.coffre',
    adminSocket: join(dir, 'admin.sock'),
    files: { rootSds: '', tokenSds: '', watched: '' },
    bypass,
  }) as JsonValue;
  return at(ours, 'staticResources', 'clusters')
    .flat()
    .filter((cluster) => isObject(cluster) && cluster['name'] === adminCluster);
}

async function serve(server: Server, snapshots: SnapshotCache, pushes: Pushes, path: string): Promise<XdsService> {
  const service = createXdsService({
    identifier: 'one-sidecar',
    clock: systemClock,
    snapshots,
    observe: (event) => pushes.observe(event),
    authenticate: () => Promise.resolve({ kind: 'client', key: proxy }),
  });
  server.addService(service.definition, service.implementation);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  snapshots.setReady();
  return service;
}
