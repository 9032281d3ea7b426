/**
 * Routes, one RouteConfiguration per declared port and one per service port that may be dialled.
 *
 * Inbound routes carry the compiled rules. That is why a policy change is an RDS push: it judges the next request of
 * every open connection, and no listener is touched.
 */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { type RouteAction, RouteActionSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import type { PortProtocol } from '../model/snapshot.ts';
import type { InboundPort, OutboundPort, ProxyView } from '../policy/view.ts';
import { authzFilter, checkSettings } from './ext-authz.ts';
import { allowFilter, denyFilter } from './http-connection-manager.ts';
import { applicationCluster, inboundName, outboundRoute, serviceCluster } from './names.ts';
import { allowRules, denyRules, type RbacRules } from './rbac.ts';
import { durationOf, type EnvoyResource, pack, resource } from './resource.ts';

/** Time for one whole HTTP/1.1 exchange, in ms. HTTP/2 and gRPC streams live as long as they are not idle. */
const exchangeTimeoutMs = 15_000;

/** Only what never reached the application is tried again, so that a retry cannot repeat an effect. */
const retrySafely = { retryOn: 'connect-failure,refused-stream', numRetries: 2 } as const;

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
  const action = routeTo(applicationCluster(port.port), port.protocol);
  return routeConfiguration(inboundName(port.port), action, {
    [allowFilter]: perRoute(allowRules(port.policy)),
    [denyFilter]: perRoute(denyRules(port.policy)),
    ...(port.everyRequest ? { [authzFilter]: checkSettings(view, port) } : {}),
  });
}

function outbound(port: OutboundPort): EnvoyResource {
  const action = routeTo(serviceCluster(port), port.protocol, retrySafely);
  return routeConfiguration(outboundRoute(port), action, {});
}

function routeTo(cluster: string, protocol: PortProtocol, retryPolicy?: typeof retrySafely): RouteAction {
  return create(RouteActionSchema, {
    clusterSpecifier: { case: 'cluster', value: cluster },
    timeout: durationOf(protocol === 'http' ? exchangeTimeoutMs : 0),
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
  });
}

/** The address dialled has already chosen the service: one virtual host for every Host header. */
function routeConfiguration(
  name: string,
  value: RouteAction,
  typedPerFilterConfig: Record<string, Any>,
): EnvoyResource {
  return resource(
    RouteConfigurationSchema,
    name,
    create(RouteConfigurationSchema, {
      name,
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            {
              match: { pathSpecifier: { case: 'prefix', value: '/' } },
              action: { case: 'route', value },
              typedPerFilterConfig,
            },
          ],
        },
      ],
    }),
  );
}

function perRoute(rules: RbacRules): Any {
  return pack(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac: { rules } }));
}
