/**
 * Routes, one RouteConfiguration per declared port and one per service port that may be dialled.
 *
 * Inbound routes carry the compiled rules. That is why a policy change is an RDS push: it judges the next request of
 * every open connection, and no listener is touched. A consent to drills is one as well.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  type HeaderMatcher,
  type Route,
  RouteSchema,
  type VirtualHostSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import type { PortProtocol } from '../model/snapshot.ts';
import type { InboundPort, ProxyView } from '../policy/view.ts';
import { authzFilter, checkSettings } from './ext-authz.ts';
import { armedFault, callerIs, faultName } from './fault.ts';
import { allowFilter, denyFilter } from './http-connection-manager.ts';
import { applicationCluster, inboundName, outboundRoute } from './names.ts';
import { outboundRoutes } from './outbound-route.ts';
import type { Way } from './proxy-parts.ts';
import { allowRules, denyRules, type RbacRules } from './rbac.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';

/** Where every request is put to a worker, they name the workload: the one part of a configuration that is each proxy's own. */
export function inboundRoutes({ inbound, workload }: ProxyView): readonly EnvoyResource[] {
  return inbound.filter(isHttp).map((port) => inboundRoute(workload.key, port));
}

export function wayRoute(way: Way): readonly EnvoyResource[] {
  return isHttp(way) ? [outbound(way)] : [];
}

function isHttp({ protocol }: { readonly protocol: PortProtocol }): boolean {
  return protocol !== 'tcp';
}

/**
 * The rules stand on the virtual host, once; the route of an armed caller adds a fault and takes nothing away. What no
 * route matches has no virtual host either, and meets the filter's own rule, which lets nobody in.
 */
function inboundRoute(workload: string, port: InboundPort): EnvoyResource {
  const armed = port.armed.map((caller) =>
    toApplication(port, [callerIs(caller)], { [faultName]: armedFault(port.port, caller) }),
  );
  return routeConfiguration(inboundName(port.port), {
    routes: [...armed, toApplication(port)],
    typedPerFilterConfig: {
      [allowFilter]: perRoute(allowRules(port.policy)),
      [denyFilter]: perRoute(denyRules(port.policy)),
      ...(port.everyRequest ? { [authzFilter]: checkSettings(workload, port) } : {}),
    },
  });
}

function toApplication(
  { port, requestTimeoutMs, idleTimeoutMs }: InboundPort,
  headers: HeaderMatcher[] = [],
  typedPerFilterConfig: Record<string, Any> = {},
): Route {
  return create(RouteSchema, {
    match: { pathSpecifier: { case: 'prefix', value: '/' }, headers },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: applicationCluster(port) },
        timeout: durationOf(requestTimeoutMs),
        idleTimeout: durationOf(idleTimeoutMs),
      },
    },
    typedPerFilterConfig,
  });
}

function outbound(port: Way): EnvoyResource {
  return routeConfiguration(outboundRoute(port), { routes: [...outboundRoutes(port)] });
}

/** The address dialled has already chosen the service: one virtual host for every Host header. */
function routeConfiguration(name: string, host: MessageInitShape<typeof VirtualHostSchema>): EnvoyResource {
  const virtualHosts = [{ name: 'all', domains: ['*'], ...host }];
  return resource(RouteConfigurationSchema, name, create(RouteConfigurationSchema, { name, virtualHosts }));
}

function perRoute(rules: RbacRules): Any {
  return pack(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac: { rules } }));
}
