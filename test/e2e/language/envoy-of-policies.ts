/**
 * One real Envoy with many policies: a route for each, with the rules as we emit them, behind the HTTP connection manager
 * as we emit it. A request names its policy in a header and is answered 200 where the rules let it pass. A port that is
 * open to nobody has no route here, as it has no chain elsewhere.
 */
import { create, toJson } from '@bufbuild/protobuf';
import { anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { type Route, RouteSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { allowFilter, denyFilter, inboundHttp } from '../../../src/envoy/http-connection-manager.ts';
import { isOpen } from '../../../src/envoy/proxy-parts.ts';
import { allowRules, denyRules, type RbacRules } from '../../../src/envoy/rbac.ts';
import { regexLayer, regexLimits } from '../../../src/envoy/regex-limits.ts';
import { envoyRegistry } from '../../../src/envoy/registry.ts';
import type { PortPolicy } from '../../../src/policy/port-policy.ts';
import type { InboundPort } from '../../../src/policy/view.ts';
import type { Credentials } from '../differential/callers.ts';

export const caseHeader = 'x-case';

export function bootstrapOf(doors: readonly InboundPort[], port: number, server: Credentials, rootPem: string) {
  const inline = (inline_string: string) => ({ inline_string });
  const tls = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [
        { certificate_chain: inline(server.certificateChainPem), private_key: inline(server.privateKeyPem) },
      ],
      validation_context: { trusted_ca: inline(rootPem) },
    },
  };
  const chain = { filters: [managerOf(doors)], transport_socket: { name: 'tls', typed_config: tls } };
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  return {
    layered_runtime: { layers: [{ name: regexLayer, static_layer: regexLimits }] },
    static_resources: { listeners: [{ name: 'policies', address, filter_chains: [chain] }] },
  };
}

/** Our manager, with the routes inside it and without logs, for which there is nobody to listen. */
function managerOf(doors: readonly InboundPort[]) {
  const filter = inboundHttp('policies', { authz: false, samplePercent: 0, tracing: {} });
  const { configType } = filter;
  const manager = configType.case === 'typedConfig' && anyUnpack(configType.value, HttpConnectionManagerSchema);
  if (!manager) throw new Error('the inbound filter is no HTTP connection manager');
  const routes = doors.flatMap((door, index) => (isOpen(door) ? [routeOf(door.policy, index)] : []));
  const virtualHosts = [{ name: 'all', domains: ['*'], routes }];
  const value = create(RouteConfigurationSchema, { name: 'policies', virtualHosts });
  manager.routeSpecifier = { case: 'routeConfig', value };
  manager.accessLog = [];
  filter.configType = { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, manager) };
  return toJson(FilterSchema, filter, { registry: envoyRegistry });
}

function routeOf(policy: PortPolicy, index: number): Route {
  const headerMatchSpecifier = {
    case: 'stringMatch',
    value: { matchPattern: { case: 'exact', value: String(index) } },
  } as const;
  return create(RouteSchema, {
    match: {
      pathSpecifier: { case: 'prefix', value: '/' },
      headers: [{ name: caseHeader, headerMatchSpecifier }],
    },
    action: { case: 'directResponse', value: { status: 200 } },
    responseHeadersToAdd: [{ header: { key: 'seen', value: '%REQ(:PATH)%' } }],
    typedPerFilterConfig: { [denyFilter]: perRoute(denyRules(policy)), [allowFilter]: perRoute(allowRules(policy)) },
  });
}

function perRoute(rules: RbacRules) {
  return anyPack(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac: { rules } }));
}
