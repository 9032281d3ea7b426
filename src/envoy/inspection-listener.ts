/**
 * The door by which the control plane sees what a proxy really holds: not what was sent to it, nor what it acknowledged.
 *
 *   control plane ──TLS 1.3, one name under one CA──▶ 15004 ──who, GET, four paths──▶ admin interface's Unix socket
 *
 * Everything else of the admin interface (stop, drain, change) stays behind the socket. The four answer without changing
 * anything, whatever their query says, and Envoy blanks private keys and tokens in them.
 * On the wire the port is open, and yet nobody but the proxy can use it: its socket carries the proxy's mark, and the pod's
 * rules let no answer out of that port without it.
 * The surprise: the listener comes by LDS and leads to a cluster of the bootstrap, since only a file knows the path of the
 * socket. A proxy that was started with an older bootstrap lacks the cluster; it takes the listener and answers 503.
 */
import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RBAC_Action, RBACSchema as RulesSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { inspectionPort } from '../model/ports.ts';
import type { Workload } from '../model/snapshot.ts';
import { controlPlaneSpiffeId } from '../model/system-namespace.ts';
import type { ProxyView } from '../policy/view.ts';
import { connectionLog } from './access-log.ts';
import { dualStack, tcpAddress } from './address.ts';
import { answeringOption } from './cluster-options.ts';
import { inspectionHttp } from './http-connection-manager.ts';
import { firstRecordTimeoutMs } from './inbound-chain.ts';
import { adminCluster, controlPlaneTrustSecret, inspectionListener } from './names.ts';
import type { Platform } from './platform.ts';
import type { RbacRules } from './rbac.ts';
import { durationOf, type EnvoyResource, resource } from './resource.ts';
import { exact } from './string-match.ts';
import { downstreamTls, tlsInspector } from './tls.ts';

/** What may be asked, each with any query. Source: Envoy's admin interface, whose changes all demand POST. */
const inspectionPaths = ['/clusters', '/config_dump', '/runtime', '/stats'] as const;

/** Longest handshake, in ms: whoever speaks TLS and does not finish holds one of the proxy's connections. */
const handshakeTimeoutMs = 5_000;
/** Longest answer, in ms: the dump of a proxy that may dial a thousand services takes a tenth of it. */
const answerTimeoutMs = 10_000;

/** One door; none for a workload that has no address to open it at. */
export function inspectionOf({ workload, trustDomain }: ProxyView, { bypass }: Platform): readonly EnvoyResource[] {
  const address = addressOf(workload);
  if (address === undefined) return [];
  const listener = create(ListenerSchema, {
    name: inspectionListener,
    address,
    // Shared with nobody: a second process on the port would be asked in the proxy's place.
    enableReusePort: false,
    ...answeringOption(bypass),
    trafficDirection: TrafficDirection.INBOUND,
    listenerFiltersTimeout: durationOf(firstRecordTimeoutMs),
    listenerFilters: [tlsInspector()],
    accessLog: [connectionLog(inspectionListener)],
    filterChains: [
      {
        name: inspectionListener,
        filterChainMatch: { transportProtocol: 'tls' },
        transportSocket: downstreamTls(controlPlaneTrustSecret, ['http/1.1']),
        transportSocketConnectTimeout: durationOf(handshakeTimeoutMs),
        filters: [inspectionHttp(inspectionListener, onlyControlPlane(trustDomain), onlyQuestions())],
      },
    ],
  });
  return [resource(ListenerSchema, inspectionListener, listener)];
}

/** Under interception at every address, as the redirection lets it through; otherwise at the first, and nowhere else. */
function addressOf({ capture, addresses: [first] }: Workload) {
  if (capture === 'transparent') return dualStack(inspectionPort);
  return first === undefined ? undefined : tcpAddress(first, inspectionPort);
}

function onlyControlPlane(trustDomain: string): RbacRules {
  const name = exact(controlPlaneSpiffeId(trustDomain));
  const paths = inspectionPaths.map((path) => ({
    rule: { case: 'urlPath' as const, value: { rule: { case: 'path' as const, value: exact(path) } } },
  }));
  return create(RulesSchema, {
    action: RBAC_Action.ALLOW,
    policies: {
      'control-plane': {
        principals: [{ identifier: { case: 'authenticated', value: { principalName: name } } }],
        permissions: [
          {
            rule: {
              case: 'andRules',
              value: {
                rules: [
                  { rule: { case: 'header', value: onlyGet() } },
                  { rule: { case: 'orRules', value: { rules: paths } } },
                ],
              },
            },
          },
        ],
      },
    },
  });
}

function onlyQuestions(): RouteConfiguration {
  const routes = inspectionPaths.map((path) => ({
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
    name: inspectionListener,
    validateClusters: false,
    virtualHosts: [{ name: 'admin', domains: ['*'], routes }],
  });
}

function onlyGet() {
  return { name: ':method', headerMatchSpecifier: { case: 'stringMatch' as const, value: exact('GET') } };
}
