/**
 * Whether a change of one resource may wait for a canary: only where waiting leaves nothing open that it would close.
 *
 *   new                                    opens at most, and so may wait
 *   way to a service of the mesh           moves requests, while the destination judges them: may wait
 *   inbound routes, inbound listeners      may wait where the new one allows all that the old one did
 *   way that ends what is open to someone  at once: a quarantine
 *   all else                               at once: secrets, endpoints, TCP rules, ways out of the mesh, removals
 *
 * What is not understood here is at once. The surprise: rules are compared as values and not by their names, because a
 * rule's name has its place in the list in it, and one rule more would look like a change of all those behind it.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { PolicySchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACPerRouteSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { authzFilter } from '../envoy/ext-authz.ts';
import { allowFilter, denyFilter } from '../envoy/http-connection-manager.ts';
import { authzCluster, inboundListener } from '../envoy/names.ts';
import { contentVersion, type Resource } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';

/** What leads out of the mesh, or its listener and route: nobody else judges what goes there. See `externalCluster`. */
const outsideName = /^(?:out\/)?external\//;
const outboundName = /^out\//;
const inboundRouteName = /^in\//;

/** @param before what the proxy has under this name. */
export function mayWait(before: Resource | undefined, after: Resource): boolean {
  const { typeUrl, name } = after;
  if (!canWait.has(typeUrl)) return false;
  if (before === undefined) return true;
  if (outsideName.test(name)) return false;
  switch (typeUrl) {
    case typeUrls.cluster:
      return name !== authzCluster;
    case typeUrls.listener:
      if (outboundName.test(name)) return !cutsAnew(before, after);
      return isInboundListener(name) && onlyAddsChains(before, after);
    default:
      return outboundName.test(name) || (inboundRouteName.test(name) && onlyAllowsMore(before, after));
  }
}

/** Types of which anything may ever wait: what says where requests go. */
export const canWait: ReadonlySet<string> = new Set([typeUrls.cluster, typeUrls.listener, typeUrls.route]);

/** Whether it speaks of the workload's own ports: then bytes have to be read to answer for it, and they name the workload. */
export function isInbound({ typeUrl, name }: Resource): boolean {
  return (
    (typeUrl === typeUrls.route && inboundRouteName.test(name)) ||
    (typeUrl === typeUrls.listener && isInboundListener(name))
  );
}

/**
 * What proxies have in common that are given the same thing under one name: the hash of the content without what names
 * the workload itself.
 */
export function shapeOf(resource: Resource): string {
  if (resource.typeUrl !== typeUrls.route || !inboundRouteName.test(resource.name)) return resource.version;
  const configuration = readRoutes(resource);
  if (configuration === undefined) return resource.version;
  for (const filters of filtersOf(configuration)) delete filters[authzFilter];
  return contentVersion(toBinary(RouteConfigurationSchema, configuration));
}

function isInboundListener(name: string): boolean {
  return name === inboundListener || name.startsWith(`${inboundListener}/`);
}

/** A chain of a way has a name only where somebody is cut off from it. */
function cutsAnew(before: Resource, after: Resource): boolean {
  const [old, next] = [before, after].map((each) => anyUnpack(fromBinary(AnySchema, each.any), ListenerSchema));
  const known = new Set(old?.filterChains.map(({ name }) => name));
  return next?.filterChains.some(({ name }) => name !== '' && !known.has(name)) !== false;
}

/** Chains match by port and caller, so that one more takes nothing from the others. */
function onlyAddsChains(before: Resource, after: Resource): boolean {
  const [old, next] = [before, after].map((resource) => {
    const listener = anyUnpack(fromBinary(AnySchema, resource.any), ListenerSchema);
    if (listener === undefined) return undefined;
    const chains = listener.filterChains.map((chain) => text(toBinary(FilterChainSchema, chain)));
    return { chains: new Set(chains), rest: text(toBinary(ListenerSchema, { ...listener, filterChains: [] })) };
  });
  return old !== undefined && next !== undefined && old.rest === next.rest && isWithin(old.chains, next.chains);
}

/** Every allow rule stays, no deny rule comes, and nothing else differs. */
function onlyAllowsMore(before: Resource, after: Resource): boolean {
  const [old, next] = [before, after].map(rulesIn);
  if (old === undefined || next === undefined || old.rest !== next.rest) return false;
  return old.rules.every(({ allow, deny }, index) => {
    const rules = next.rules[index];
    return rules !== undefined && isWithin(allow, rules.allow) && isWithin(rules.deny, deny);
  });
}

interface Rules {
  /** Policies, encoded. */
  readonly allow: ReadonlySet<string>;
  readonly deny: ReadonlySet<string>;
}

interface RulesOfRoute {
  readonly rules: readonly Rules[];
  readonly rest: string;
}

/** By resource: what comes with one edit is what the next one is compared with. */
const knownRules = new WeakMap<Resource, RulesOfRoute>();

/** The rules wherever they stand, in order, and everything but those. */
function rulesIn(resource: Resource): RulesOfRoute | undefined {
  const known = knownRules.get(resource);
  if (known !== undefined) return known;
  const configuration = readRoutes(resource);
  if (configuration === undefined) return undefined;
  const rules = filtersOf(configuration).map((filters) => ({
    allow: takePolicies(filters, allowFilter),
    deny: takePolicies(filters, denyFilter),
  }));
  const read = { rules, rest: text(toBinary(RouteConfigurationSchema, configuration)) };
  knownRules.set(resource, read);
  return read;
}

/** Takes the policies out of one filter's part, and leaves the rest of it there. */
function takePolicies(filters: Record<string, Any>, name: string): ReadonlySet<string> {
  const part = filters[name];
  const perRoute = part && anyUnpack(part, RBACPerRouteSchema);
  const rules = perRoute?.rbac?.rules;
  if (perRoute === undefined || rules === undefined) return new Set();
  const policies = Object.values(rules.policies).map((policy) => text(toBinary(PolicySchema, policy)));
  rules.policies = {};
  filters[name] = anyPack(RBACPerRouteSchema, create(RBACPerRouteSchema, perRoute));
  return new Set(policies);
}

function readRoutes({ any }: Resource): RouteConfiguration | undefined {
  return anyUnpack(fromBinary(AnySchema, any), RouteConfigurationSchema);
}

/** What is said to filters: of all routes, of a virtual host, of one route. */
function filtersOf(configuration: RouteConfiguration): readonly Record<string, Any>[] {
  const { virtualHosts } = configuration;
  const routes = virtualHosts.flatMap((host) => host.routes);
  return [configuration, ...virtualHosts, ...routes].map(({ typedPerFilterConfig }) => typedPerFilterConfig);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function isWithin(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((each) => whole.has(each));
}
