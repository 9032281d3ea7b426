/**
 * A door to the proxy's own admin interface: some of its pages, for some that ask.
 *
 *   caller ──TLS 1.3, exact names under one CA──▶ reserved port ──who, GET, which path──▶ admin interface's Unix socket
 *
 * Everything else of the admin interface (stop, drain, change) stays behind the socket. Paths are said twice, in rules and
 * in routes, so that neither alone opens the way.
 * On the wire the port is open, and yet nobody but the proxy can use it: its socket carries the proxy's mark, and the pod's
 * rules let no answer out of that port without it.
 * The surprise: the listener comes by LDS and leads to a cluster of the bootstrap, since only a file knows the path of the
 * socket. A proxy that was started with an older bootstrap lacks the cluster; it takes the listener and answers 503.
 */
import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import { type FilterChain, FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RBAC_Action, RBACSchema as RulesSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { connectionLog } from './access-log.ts';
import { dualStack, tcpAddress } from './address.ts';
import { answeringOption } from './cluster-options.ts';
import { inboundConnections } from './evidence-log.ts';
import { adminHttp } from './http-connection-manager.ts';
import { firstRecordTimeoutMs } from './inbound-chain.ts';
import { adminCluster } from './names.ts';
import type { CaptureBypass } from './platform.ts';
import type { Fixture } from './proxy-parts.ts';
import type { RbacRules } from './rbac.ts';
import { durationOf, type EnvoyResource, resource } from './resource.ts';
import { exact } from './string-match.ts';
import { downstreamTls, tlsInspector } from './tls.ts';

export interface AdminDoor {
  /** Of the listener. */
  readonly name: string;
  readonly port: number;
  /** What may be asked, by GET, each with any query. */
  readonly paths: readonly string[];
  readonly visitors: readonly Visitors[];
}

/** Who may ask, under one CA. */
export interface Visitors {
  /** Of the filter chain. */
  readonly name: string;
  /** By which they choose their chain; those without stand where no name is said, or an unknown one. */
  readonly sni?: string;
  /** SDS secret that names them and their CA. */
  readonly trust: string;
  readonly spiffeIds: readonly string[];
}

/** Longest handshake, in ms: whoever speaks TLS and does not finish holds one of the proxy's connections. */
const handshakeTimeoutMs = 5_000;
/** Longest answer, in ms: the dump of a proxy that may dial a thousand services takes a tenth of it. */
const answerTimeoutMs = 10_000;

/** One door; none for a workload that has no address to open it at. */
export function adminDoor(
  door: AdminDoor,
  workload: Fixture['workload'],
  bypass: CaptureBypass,
): readonly EnvoyResource[] {
  const { name, port } = door;
  const address = addressOf(workload, port);
  if (address === undefined) return [];
  const listener = create(ListenerSchema, {
    name,
    address,
    // Shared with nobody: a second process on the port would be asked in the proxy's place.
    enableReusePort: false,
    ...answeringOption(bypass),
    trafficDirection: TrafficDirection.INBOUND,
    listenerFiltersTimeout: durationOf(firstRecordTimeoutMs),
    listenerFilters: [tlsInspector()],
    accessLog: [connectionLog(name), inboundConnections()],
    filterChains: door.visitors.map((visitors) => chainOf(door, visitors)),
  });
  return [resource(ListenerSchema, name, listener)];
}

/** Under interception at every address, as the redirection lets it through; otherwise at the first, and nowhere else. */
function addressOf({ capture, addresses: [first] }: Fixture['workload'], port: number) {
  if (capture === 'transparent') return dualStack(port);
  return first === undefined ? undefined : tcpAddress(first, port);
}

/** Its rules stand in it: whom they name no more loses what is open, as Envoy drains a chain that is another. */
function chainOf({ name: door, paths }: AdminDoor, { name, sni, trust, spiffeIds }: Visitors): FilterChain {
  return create(FilterChainSchema, {
    name,
    filterChainMatch: { transportProtocol: 'tls', ...(sni === undefined ? {} : { serverNames: [sni] }) },
    transportSocket: downstreamTls(trust, ['http/1.1']),
    transportSocketConnectTimeout: durationOf(handshakeTimeoutMs),
    filters: [adminHttp(door, onlyThese(spiffeIds, paths), onlyQuestions(door, paths))],
  });
}

function onlyThese(spiffeIds: readonly string[], paths: readonly string[]): RbacRules {
  const rules = paths.map((path) => ({
    rule: { case: 'urlPath' as const, value: { rule: { case: 'path' as const, value: exact(path) } } },
  }));
  return create(RulesSchema, {
    action: RBAC_Action.ALLOW,
    policies: {
      visitors: {
        principals: spiffeIds.map((id) => ({
          identifier: { case: 'authenticated' as const, value: { principalName: exact(id) } },
        })),
        permissions: [
          {
            rule: {
              case: 'andRules',
              value: {
                rules: [
                  { rule: { case: 'header', value: onlyGet() } },
                  { rule: { case: 'orRules', value: { rules } } },
                ],
              },
            },
          },
        ],
      },
    },
  });
}

function onlyQuestions(name: string, paths: readonly string[]): RouteConfiguration {
  const routes = paths.map((path) => ({
    match: { pathSpecifier: { case: 'path' as const, value: path }, headers: [onlyGet()] },
    action: {
      case: 'route' as const,
      value: {
        clusterSpecifier: { case: 'cluster' as const, value: adminCluster },
        timeout: durationOf(answerTimeoutMs),
      },
    },
  }));
  return create(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    virtualHosts: [{ name: 'admin', domains: ['*'], routes }],
  });
}

function onlyGet() {
  return { name: ':method', headerMatchSpecifier: { case: 'stringMatch' as const, value: exact('GET') } };
}
