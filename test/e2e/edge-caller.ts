/**
 * One real caller's sidecar, by our own bootstrap: configuration, load reports and the edge log over TLS with its token.
 *
 *   ask, dial ──▶ Envoy ──▶ shop/api/80 (HTTP), shop/db/5432 (TCP)       Envoy ──▶ reports, records
 *
 * Listeners are Unix sockets, so it needs no network of its own; they carry the filters that sidecars carry.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Filter } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import type { ProbeReader } from '../../src/chaos/probe/probe-reader.io.ts';
import { tcpAddress, unixAddress } from '../../src/envoy/address.ts';
import { bootstrapFor } from '../../src/envoy/bootstrap.ts';
import { evidenceEndpoint } from '../../src/envoy/endpoint.ts';
import { outboundHttp } from '../../src/envoy/http-connection-manager.ts';
import { drillLayer } from '../../src/envoy/names.ts';
import { type EnvoyResource, resource } from '../../src/envoy/resource.ts';
import { runtimeOf } from '../../src/envoy/runtime.ts';
import { identitySecretOf } from '../../src/envoy/secret.ts';
import { outboundTcpEdge } from '../../src/envoy/tcp-proxy.ts';
import {
  type AccessLogEvent,
  addAccessLogService,
  type ProxyRecord,
} from '../../src/evidence/access-log/access-log-service.io.ts';
import { createGrpcServer } from '../../src/grpc/grpc-server.ts';
import { tokenHeader } from '../../src/grpc/peer.ts';
import type { ReportAdmission, ReportCaller } from '../../src/grpc/report-stream.ts';
import { systemPorts } from '../../src/identity/system-ports.io.ts';
import { WorkloadFiles } from '../../src/identity/workload-files.io.ts';
import { systemClock } from '../../src/system-clock.ts';
import { SnapshotCache } from '../../src/xds/cache.ts';
import { createLoadService, type LoadEvent, type LoadReport, type LoadService } from '../../src/xds/load-service.io.ts';
import { contentVersion, type Resource } from '../../src/xds/resource.ts';
import { createXdsService } from '../../src/xds/server.io.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { cart, clientLeaf, serverLeaf, serverName, testAuthority } from '../grpc/authority.ts';
import { startEnvoy } from './static-envoy.ts';

export const caller = 'shop/web-0';
export const httpEdge = 'shop/api/80';
export const tcpEdge = 'shop/db/5432';

export interface Answer {
  readonly status: number;
  /** As this client measured it, from its call to the last byte, in ms. */
  readonly durationMs: number;
}

export interface EdgeCaller {
  readonly loads: LoadService;
  readonly reports: readonly LoadReport[];
  readonly records: readonly ProxyRecord[];
  readonly events: readonly (LoadEvent | AccessLogEvent)[];
  /** The runtime layer, whole; resolves once it acts. */
  setRuntime(settings: Readonly<Record<string, number>>): Promise<void>;
  ask(path: string): Promise<Answer>;
  /** @returns what the server says first, or empty where the connection is closed before. */
  dial(): Promise<string>;
  /** Whoever else is to hear reports and records. */
  tell(listener: Pick<ProbeReader, 'load' | 'record'>): void;
  stop(): Promise<void>;
}

export async function startCaller(): Promise<EdgeCaller> {
  const authority = await testAuthority();
  const { rootPem, tokens } = authority;
  const folder = await mkdtemp(join(tmpdir(), 'coffre-edge-'));
  const stops: (() => unknown)[] = [() => rm(folder, { recursive: true })];
  const listeners: Pick<ProbeReader, 'load' | 'record'>[] = [];
  const files = new WorkloadFiles({ folder, rootPem, tokens, clock: systemPorts.clock });
  await files.sync([{ workload: caller, serviceAccount: 'web' }]);
  const home = files.folderOf(caller);

  const reports: LoadReport[] = [];
  const records: ProxyRecord[] = [];
  const events: (LoadEvent | AccessLogEvent)[] = [];
  const observe = (event: LoadEvent | AccessLogEvent) => void events.push(event);
  const admit = async ({ header }: Pick<ReportCaller, 'header'>): Promise<ReportAdmission> => {
    const token = await tokens.verifyToken(header(tokenHeader) ?? '');
    if (token.kind === 'refused') return { kind: 'refused', status: 'UNAUTHENTICATED', reason: token.reason };
    return { kind: 'client', key: token.workload, expiresAtMs: token.expiresAtMs };
  };
  const snapshots = new SnapshotCache();
  const acked = new Set<string>();
  const onXds = (event: XdsEvent) => {
    if (event.kind === 'nacked') throw new Error(`refused: ${JSON.stringify(event.cause)}`);
    if (event.kind === 'acked') acked.add(event.resources.get(drillLayer) ?? '');
  };
  const xds = createXdsService({
    identifier: 'e2e',
    clock: systemClock,
    snapshots,
    observe: onXds,
    authenticate: admit,
  });
  const loads = createLoadService({
    clock: systemClock,
    admit,
    observe,
    reported: (report) => {
      reports.push(report);
      for (const listener of listeners) listener.load(report);
    },
  });
  const server = createGrpcServer({
    address: '127.0.0.1:0',
    tls: { ...serverLeaf(authority), clientCaPem: rootPem },
    requireClientCertificate: false,
  });
  server.addDefinition(xds.definition, xds.implementation);
  loads.addTo(server);
  addAccessLogService(server, {
    clock: systemClock,
    admit,
    observe,
    spiffeIdOf: () => cart,
    seen: () => undefined,
    logged: (record) => {
      records.push(record);
      for (const listener of listeners) listener.record(record);
    },
  });
  const bound = await server.bind();
  if (bound.kind !== 'bound') throw new Error(bound.message);
  stops.push(() => server.close(0));

  const http = await listening(
    stops,
    createServer(({ url = '/' }, response) => void setTimeout(() => response.end('ok'), Number(url.slice(1)) || 0)),
  );
  const tcp = await listening(
    stops,
    createTcpServer((socket) => void socket.on('error', () => undefined).write('hello')),
  );
  const evidence = asServed(evidenceEndpoint({ address: '127.0.0.1', port: bound.port }));
  const leaf = clientLeaf(authority);
  const identity = asServed(identitySecretOf({ ...leaf, privateKeyPem: leaf.privateKeyPem.reveal() }));
  const publish = (settings: Readonly<Record<string, number>>) => {
    const runtime = asServed(runtimeOf(new Map(Object.entries(settings))));
    const types = [runtime, identity, evidence, ...fixed(home, http, tcp).map(asServed)].map(
      (one) => [one.typeUrl, one] as const,
    );
    const byType = Map.groupBy(types, ([typeUrl]) => typeUrl);
    snapshots.set(caller, {
      revision: 'e2e',
      types: new Map([...byType].map(([url, pairs]) => [url, new Map(pairs.map(([, one]) => [one.name, one]))])),
    });
    return runtime.version;
  };
  publish({});
  snapshots.setReady();
  const bootstrap = bootstrapFor({
    nodeId: caller,
    nodeCluster: 'shop',
    controlPlane: { address: '127.0.0.1', port: bound.port },
    serverName,
    adminSocket: join(home, 'admin.sock'),
    files: {
      rootSds: join(home, 'mesh-root.sds.json'),
      tokenSds: join(home, 'token.sds.json'),
      watched: join(home, 'secrets'),
    },
    bypass: { kind: 'user' },
  });
  const envoy = await startEnvoy(folder, bootstrap as object);
  stops.push(() => envoy.stop());

  return {
    loads,
    reports,
    records,
    events,
    async setRuntime(settings) {
      const version = publish(settings);
      while (!acked.has(version)) await tick();
      // The main thread acknowledges; the worker follows in its next turn, which a whole exchange with it outlasts.
      await answered(join(home, 'http.sock'), 'no request\r\n\r\n');
    },
    ask: (path) => ask(join(home, 'http.sock'), path),
    dial: () => dial(join(home, 'tcp.sock')),
    tell: (listener) => void listeners.push(listener),
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 10));

async function listening(stops: (() => unknown)[], server: Server | TcpServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function asServed({ typeUrl, name, any }: EnvoyResource): Resource {
  const bytes = toBinary(AnySchema, any);
  return { typeUrl, name, version: contentVersion(bytes), any: bytes };
}

function fixed(home: string, httpPort: number, tcpPort: number): readonly EnvoyResource[] {
  const route = `out/${httpEdge}`;
  return [
    listener('http', home, outboundHttp(route, httpEdge, {})),
    listener('tcp', home, outboundTcpEdge(tcpEdge)),
    cluster(httpEdge, httpPort),
    cluster(tcpEdge, tcpPort),
    resource(
      RouteConfigurationSchema,
      route,
      create(RouteConfigurationSchema, {
        name: route,
        virtualHosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              {
                match: { pathSpecifier: { case: 'prefix', value: '/' } },
                action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: httpEdge } } },
              },
            ],
          },
        ],
      }),
    ),
  ];
}

function listener(name: string, home: string, filter: Filter): EnvoyResource {
  const address = unixAddress(join(home, `${name}.sock`), 0o600);
  return resource(
    ListenerSchema,
    name,
    create(ListenerSchema, { name, address, filterChains: [{ filters: [filter] }] }),
  );
}

function cluster(name: string, port: number): EnvoyResource {
  const value = { address: tcpAddress('127.0.0.1', port) };
  return resource(
    ClusterSchema,
    name,
    create(ClusterSchema, {
      name,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      connectTimeout: { seconds: 1n },
      loadAssignment: {
        clusterName: name,
        endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value } }] }],
      },
    }),
  );
}

function ask(socketPath: string, path: string): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const request = get({ socketPath, path, agent: false, headers: { host: 'api' } }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, durationMs: performance.now() - began }));
    });
    request.on('error', reject);
  });
}

function answered(path: string, said: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(said));
    socket.once('data', () => resolve(void socket.destroy()));
    socket.once('error', reject);
  });
}

function dial(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('data', (bytes) => resolve(String(bytes)));
    socket.once('data', () => socket.destroy());
    socket.once('close', () => resolve(''));
    socket.once('error', reject);
  });
}
