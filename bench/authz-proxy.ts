/**
 * A real Envoy with one listener for each way of judging, each as an inbound listener of ours has it but for what answers.
 *
 *   none            no filter of ours        rbac          the rules, `dynamicOnly`        everyRequest     the rules, the worker, the seal
 *
 * The routes answer by themselves, so that no application is measured. Mutual TLS, as from a sidecar.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { create, toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { BootstrapSchema } from '#gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TlsParameters_TlsProtocol as Tls } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { tcpAddress } from '../src/envoy/address.ts';
import { http2Only } from '../src/envoy/cluster-options.ts';
import { inboundHttp } from '../src/envoy/http-connection-manager.ts';
import { authzCluster } from '../src/envoy/names.ts';
import { regexLayer, regexLimits } from '../src/envoy/regex-limits.ts';
import { envoyRegistry } from '../src/envoy/registry.ts';
import { pack } from '../src/envoy/resource.ts';
import { inboundRoutes } from '../src/envoy/route.ts';
import { tlsSocket } from '../src/envoy/tls.ts';
import type { Snapshot } from '../src/model/snapshot.ts';
import { viewOf } from '../src/policy/view.ts';
import { type AuthzServer, type ClientTls, processOf } from './authz-servers.ts';
import { authzWorkload, authzWorld } from './authz-world.ts';

export const envoyWays = ['none', 'rbac', 'everyRequest'] as const;
export type EnvoyWay = (typeof envoyWays)[number];

const envoyPath = resolve(import.meta.dirname, '../.cache/envoy/envoy/_bin/envoy');
const routeName = 'in/8080';
const loopback = '127.0.0.1';

export interface ProxyParts {
  readonly folder: string;
  readonly rules: number;
  /** Of the worker, `host:port`. */
  readonly authz: string;
  /** The proxy's own towards the worker; what it shows to its caller, whom a SPIFFE ID without a DNS name would not do; the caller's. */
  readonly identity: ClientTls;
  readonly door: ClientTls;
  readonly caller: ClientTls;
}

/** One process: its processor time is that of all three. It may not listen yet. */
export async function startProxy(parts: ProxyParts): Promise<ReadonlyMap<EnvoyWay, AuthzServer>> {
  const ports = new Map<EnvoyWay, number>();
  for (const way of envoyWays) ports.set(way, await freePort());
  const file = join(parts.folder, 'envoy.json');
  writeFileSync(file, JSON.stringify(bootstrapOf(parts, ports)), { mode: 0o600 });
  const flags = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'error'];
  const child = spawn(envoyPath, ['-c', file, ...flags], { stdio: ['ignore', 'ignore', 'inherit'] });
  return new Map(
    [...ports].map(([way, port]) => {
      const address = `${loopback}:${port}`;
      return [way, { name: way, address, tls: parts.caller, ...processOf(child) }];
    }),
  );
}

/** Envoy says in a check where it was dialled, and a socket of the file system would be nowhere: so each has a port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, loopback);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  if (typeof bound !== 'object' || bound === null) throw new Error('there is no free port');
  return bound.port;
}

function bootstrapOf(parts: ProxyParts, ports: ReadonlyMap<EnvoyWay, number>): unknown {
  const [host = '', port] = parts.authz.split(':');
  const worker = { case: 'endpoint', value: { address: tcpAddress(host, Number(port)) } } as const;
  const bootstrap = create(BootstrapSchema, {
    node: { id: authzWorkload, cluster: 'shop' },
    layeredRuntime: {
      layers: [{ name: regexLayer, layerSpecifier: { case: 'staticLayer', value: { ...regexLimits } } }],
    },
    staticResources: {
      clusters: [
        {
          name: authzCluster,
          clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
          loadAssignment: {
            clusterName: authzCluster,
            endpoints: [{ lbEndpoints: [{ hostIdentifier: worker }] }],
          },
          transportSocket: tlsSocket(
            pack(
              UpstreamTlsContextSchema,
              create(UpstreamTlsContextSchema, {
                sni: parts.identity.serverName,
                commonTlsContext: common(parts.identity),
              }),
            ),
          ),
          typedExtensionProtocolOptions: http2Only(),
        },
      ],
      listeners: [...ports].map(([way, port]) => ({
        name: way,
        address: tcpAddress(loopback, port),
        filterChains: [{ filters: [filterOf(way, parts.rules)], transportSocket: downstream(parts) }],
      })),
    },
  });
  return toJson(BootstrapSchema, bootstrap, { registry: envoyRegistry });
}

function downstream({ door }: ProxyParts) {
  const context = create(DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: common(door),
  });
  return tlsSocket(pack(DownstreamTlsContextSchema, context));
}

function common({ rootPem, certificatePem, keyPem }: ClientTls) {
  const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });
  return {
    alpnProtocols: ['h2'],
    tlsParams: { tlsMinimumProtocolVersion: Tls.TLSv1_3, tlsMaximumProtocolVersion: Tls.TLSv1_3 },
    tlsCertificates: [{ certificateChain: inline(certificatePem), privateKey: inline(keyPem) }],
    validationContextType: { case: 'validationContext' as const, value: { trustedCa: inline(rootPem) } },
  };
}

/** Records would go to a control plane that is not there: none is made. */
function filterOf(way: EnvoyWay, rules: number) {
  const authz = way === 'everyRequest';
  const { name, configType } = inboundHttp(routeName, { authz, samplePercent: 0, tracing: undefined });
  const manager =
    configType.case === 'typedConfig' ? anyUnpack(configType.value, HttpConnectionManagerSchema) : undefined;
  if (manager === undefined) throw new Error('an inbound listener has another filter than it had');
  const judging = way !== 'none';
  const answering = {
    ...manager,
    accessLog: [],
    routeSpecifier: {
      case: 'routeConfig' as const,
      value: answered(routesOf(authzWorld(rules, authz ? 'everyRequest' : 'dynamicOnly')), judging),
    },
    httpFilters: judging ? manager.httpFilters : manager.httpFilters.slice(-1),
  };
  return { name, configType: { case: 'typedConfig' as const, value: pack(HttpConnectionManagerSchema, answering) } };
}

function routesOf(snapshot: Snapshot): RouteConfiguration {
  const workload = snapshot.workloads.get(authzWorkload);
  if (workload === undefined) throw new Error(`there is no workload \`${authzWorkload}\``);
  const [route] = inboundRoutes(viewOf(snapshot, workload, 0));
  const found = route === undefined ? undefined : anyUnpack(route.any, RouteConfigurationSchema);
  if (found === undefined) throw new Error('the workload has no inbound routes');
  return found;
}

function answered(routes: RouteConfiguration, judging: boolean): RouteConfiguration {
  const all = create(RouteSchema, {
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'directResponse', value: { status: 200 } },
  });
  return {
    ...routes,
    virtualHosts: routes.virtualHosts.map((host) => ({
      ...host,
      typedPerFilterConfig: judging ? host.typedPerFilterConfig : {},
      routes: [all],
    })),
  };
}
