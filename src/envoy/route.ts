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
import { isOpen, type Way } from './proxy-parts.ts';
import { allowRules, denyRules, type RbacRules } from './rbac.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';

export function inboundRoutes({ inbound, workload }: ProxyView): readonly EnvoyResource[] {
  return [...sharedInboundRoutes(inbound), ...ownInboundRoutes(inbound).map((routeOf) => routeOf(workload.key))];
}

/** The same for whoever has these ports. */
export function sharedInboundRoutes(inbound: readonly InboundPort[]): readonly EnvoyResource[] {
  const ports = inbound.filter((port) => isHttp(port) && isOpen(port) && !port.everyRequest);
  return ports.map((port) => inboundRoute(port, inboundHost(port)));
}

/**
 * Where every request is put to a worker, the route says whose it is: the one part of a configuration that is each
 * proxy's own. What is common to all who have the port is made once.
 * @returns for each such port what makes the route of a workload, given its key.
 */
export function ownInboundRoutes(inbound: readonly InboundPort[]): readonly ((workload: string) => EnvoyResource)[] {
  const ports = inbound.filter((port) => isOpen(port) && port.everyRequest);
  return ports.map((port) => {
    const { typedPerFilterConfig, ...host } = inboundHost(port);
    return (workload) => {
      const settings = { ...typedPerFilterConfig, [authzFilter]: checkSettings(workload, port) };
      return inboundRoute(port, { ...host, typedPerFilterConfig: settings });
    };
  });
}

function inboundRoute(port: InboundPort, host: MessageInitShape<typeof VirtualHostSchema>): EnvoyResource {
  return routeConfiguration(inboundName(port.port), host);
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
function inboundHost(port: InboundPort) {
  const armed = port.armed.map((caller) =>
    toApplication(port, [callerIs(caller)], { [faultName]: armedFault(port.port, caller) }),
  );
  return {
    routes: [...armed, toApplication(port)],
    typedPerFilterConfig: {
      [allowFilter]: perRoute(allowRules(port.policy)),
      [denyFilter]: perRoute(denyRules(port.policy)),
    },
  };
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
