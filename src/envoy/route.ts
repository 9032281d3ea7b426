/**
 * Routes, one RouteConfiguration per declared port and one per service port that may be dialled.
 *
 * Inbound routes carry the compiled rules. That is why a policy change is an RDS push: it judges the next request of
 * every open connection, and no listener is touched.
 */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { type Route, RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import type { PortProtocol } from '../model/snapshot.ts';
import type { InboundPort, OutboundPort, ProxyView } from '../policy/view.ts';
import { authzFilter, checkSettings } from './ext-authz.ts';
import { allowFilter, denyFilter } from './http-connection-manager.ts';
import { applicationCluster, inboundName, outboundRoute } from './names.ts';
import { outboundRoutes } from './outbound-route.ts';
import { allowRules, denyRules, type RbacRules } from './rbac.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';

export function routesOf(view: ProxyView): readonly EnvoyResource[] {
  return [
    ...view.inbound.filter(isHttp).map((port) => inboundRoute(view, port)),
    ...view.outbound.filter(isHttp).map(outbound),
  ];
}

function isHttp({ protocol }: { readonly protocol: PortProtocol }): boolean {
  return protocol !== 'tcp';
}

function inboundRoute(view: ProxyView, port: InboundPort): EnvoyResource {
  const route = create(RouteSchema, {
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: applicationCluster(port.port) },
        timeout: durationOf(port.requestTimeoutMs),
        idleTimeout: durationOf(port.idleTimeoutMs),
      },
    },
    typedPerFilterConfig: {
      [allowFilter]: perRoute(allowRules(port.policy)),
      [denyFilter]: perRoute(denyRules(port.policy)),
      ...(port.everyRequest ? { [authzFilter]: checkSettings(view, port) } : {}),
    },
  });
  return routeConfiguration(inboundName(port.port), [route]);
}

function outbound(port: OutboundPort): EnvoyResource {
  return routeConfiguration(outboundRoute(port), outboundRoutes(port));
}

/** The address dialled has already chosen the service: one virtual host for every Host header. */
function routeConfiguration(name: string, routes: readonly Route[]): EnvoyResource {
  return resource(
    RouteConfigurationSchema,
    name,
    create(RouteConfigurationSchema, { name, virtualHosts: [{ name: 'all', domains: ['*'], routes: [...routes] }] }),
  );
}

function perRoute(rules: RbacRules): Any {
  return pack(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac: { rules } }));
}
