/**
 * Changes to the routes of a configuration on their way to Envoy: a mark by which to see that they are in force, and the
 * errors that an emitter could have made.
 */
import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { RBAC_Action, RBACSchema as RulesSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { type Route, RouteSchema, type VirtualHost } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { allowFilter, denyFilter } from '../../../src/envoy/http-connection-manager.ts';
import type { RbacRules } from '../../../src/envoy/rbac.ts';
import { contentVersion, type Resource, type ResourceSnapshot } from '../../../src/xds/resource.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';

/** Changes, in place, what one port denies and what it allows. */
export type RulesEdit = (rules: { readonly deny: RbacRules; readonly allow: RbacRules }) => void;

export const asEmitted: RulesEdit = () => undefined;

/** Answered by the sidecar itself, to everybody behind the wall, once these routes are in force. */
export function markOf(generation: number): string {
  return `/.generation/${generation}`;
}

export function withMark(resources: ResourceSnapshot, generation: number, edit: RulesEdit): ResourceSnapshot {
  const routes = [...(resources.types.get(typeUrls.route) ?? [])].map(
    ([name, resource]) => [name, name.startsWith('in/') ? edited(resource, generation, edit) : resource] as const,
  );
  const types = new Map(resources.types).set(typeUrls.route, new Map(routes));
  return { revision: `${resources.revision}/${generation}`, types };
}

function edited(resource: Resource, generation: number, edit: RulesEdit): Resource {
  const configuration = anyUnpack(fromBinary(AnySchema, resource.any), RouteConfigurationSchema);
  if (configuration === undefined) throw new Error(`\`${resource.name}\` is no RouteConfiguration`);
  const any = toBinary(AnySchema, anyPack(RouteConfigurationSchema, editedRoutes(configuration, generation, edit)));
  return { ...resource, any, version: contentVersion(any) };
}

function editedRoutes(whole: RouteConfiguration, generation: number, edit: RulesEdit): RouteConfiguration {
  const copy = clone(RouteConfigurationSchema, whole);
  for (const host of copy.virtualHosts) {
    const [deny, allow] = [rulesOf(host, denyFilter), rulesOf(host, allowFilter)];
    edit({ deny, allow });
    host.typedPerFilterConfig[denyFilter] = perRoute(deny);
    host.typedPerFilterConfig[allowFilter] = perRoute(allow);
    host.routes.unshift(mark(generation));
  }
  return copy;
}

function rulesOf(host: VirtualHost, filter: string): RbacRules {
  const packed = host.typedPerFilterConfig[filter];
  const rules = packed && anyUnpack(packed, RBACPerRouteSchema)?.rbac?.rules;
  if (rules === undefined) throw new Error(`an inbound port brings no rules for \`${filter}\``);
  return rules;
}

function perRoute(rules: RbacRules) {
  return anyPack(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac: { rules } }));
}

function mark(generation: number): Route {
  const anybody = { case: 'any', value: true } as const;
  const everyone = { principals: [{ identifier: anybody }], permissions: [{ rule: anybody }] };
  const nobody = create(RulesSchema, { action: RBAC_Action.DENY });
  return create(RouteSchema, {
    match: { pathSpecifier: { case: 'path', value: markOf(generation) } },
    action: { case: 'directResponse', value: { status: 204 } },
    // Instead of the port's own rules, which would judge the question as well.
    typedPerFilterConfig: {
      [denyFilter]: perRoute(nobody),
      [allowFilter]: perRoute(create(RulesSchema, { action: RBAC_Action.ALLOW, policies: { everyone } })),
    },
  });
}
