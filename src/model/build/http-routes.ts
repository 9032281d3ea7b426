/**
 * Routes in force: each parent is a Service of the route's own namespace with an HTTP port and a virtual address.
 *
 * Only the owner of a service routes its callers. A caller's route for somebody else's service (a "consumer route" in
 * Gateway API) is refused: it would hold for one namespace what the destination decides for all.
 * What is wrong with a parent detaches that parent; what is wrong with a backend leaves the route attached, and its
 * share of the requests is answered 500.
 */
import { compareText } from '../canonical-json.ts';
import { parseGatewayDurationMs } from '../duration.ts';
import type { HttpRoute, RouteBackend, RouteMatch, RouteRule, ServicePortRef } from '../http-route.ts';
import type { HttpRouteMatchObject, HttpRouteParentObject, HttpRouteRuleObject } from '../kinds/http-route.ts';
import type { RouteCondition } from '../problem.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import { isServiceParent } from '../route-rules.ts';
import type { Service, ServicePort } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import type { Inventory } from './inventory.ts';
import { mayName } from './references.ts';
import { type RouteContext, warnOfBackends } from './route-backends.ts';

type Refusal = Omit<Finding, 'severity'>;

/** @returns of one namespace, by `namespace/name`, sorted. */
export function httpRoutesIn(
  inventory: Inventory,
  isTenant: boolean,
  context: RouteContext,
  problems: ProblemList,
): ReadonlyMap<string, HttpRoute> {
  const routes = new Map<string, HttpRoute>();
  for (const source of inventory.of('HTTPRoute')) {
    const { namespace } = source.ref;
    if (!isTenant) {
      const message = `nobody owns the namespace ${quote(namespace)}, so the route leads nobody`;
      const advice = `write a \`Tenant\` named ${quote(namespace)}`;
      problems.warning(source, { code: 'missing-tenant', path: 'metadata.namespace', message, advice });
      continue;
    }
    const parents = parentsOf(source, context, problems);
    if (parents.length === 0) continue;
    const route = routeOf(source, parents, context);
    warnOfBackends(source, route, context, problems);
    routes.set(route.key, route);
  }
  return routes;
}

function routeOf(
  { ref, object, where }: ValidObject<'HTTPRoute'>,
  parents: readonly ServicePortRef[],
  context: RouteContext,
): HttpRoute {
  const { creationTimestamp } = object.metadata;
  const createdMs = creationTimestamp === undefined ? 0 : Date.parse(creationTimestamp);
  return {
    key: `${ref.namespace}/${ref.name}`,
    tenant: ref.namespace,
    name: ref.name,
    parents,
    rules: object.spec.rules.map((rule) => ruleOf(rule, ref.namespace, context)),
    createdMs: Number.isNaN(createdMs) ? 0 : createdMs,
    where,
  };
}

function parentsOf(
  source: ValidObject<'HTTPRoute'>,
  { services }: RouteContext,
  problems: ProblemList,
): readonly ServicePortRef[] {
  const attached = new Map<string, ServicePortRef>();
  for (const [index, parent] of source.object.spec.parentRefs.entries()) {
    if (!isServiceParent(parent)) continue;
    const path = `spec.parentRefs[${index}]`;
    const ports = attachedPorts(parent, source.ref.namespace, services, path);
    if ('code' in ports) problems.error(source, ports);
    else {
      const service = `${source.ref.namespace}/${parent.name}`;
      for (const { port } of ports) attached.set(`${service} ${port}`, { service, port });
    }
  }
  return [...attached.values()].sort(
    (left, right) => compareText(left.service, right.service) || left.port - right.port,
  );
}

function attachedPorts(
  { group = 'gateway.networking.k8s.io', name, namespace, port, sectionName }: HttpRouteParentObject,
  own: string,
  services: ReadonlyMap<string, Service>,
  path: string,
): readonly ServicePort[] | Refusal {
  if (group !== '' && group !== 'core') {
    const message = `the parent is a Service of the group ${quote(group)}, and there is none`;
    return detached(`${path}.group`, 'NoMatchingParent', message, 'write `group: ""`');
  }
  if (namespace !== undefined && namespace !== own) {
    const message = `the service is of the namespace ${quote(namespace)}: only its owner routes its callers`;
    return detached(`${path}.namespace`, 'NotAllowedByListeners', message, 'ask its owner for the route');
  }
  const service = services.get(`${own}/${name}`);
  if (service === undefined) {
    const message = `there is no service ${quote(name)} in ${quote(own)}, so the route leads nobody`;
    return detached(`${path}.name`, 'NoMatchingParent', message, 'check the name of the service');
  }
  if (service.headless) {
    const message = `the service ${quote(name)} is headless: its callers dial pods, where nothing is left to route`;
    return detached(`${path}.name`, 'NotAllowedByListeners', message, 'give the service a virtual address');
  }
  const named = service.ports.filter(
    (candidate) =>
      (port === undefined || candidate.port === port) && (sectionName === undefined || candidate.name === sectionName),
  );
  if (named.length === 0) {
    const message = `the service ${quote(name)} has no such port in force`;
    const known = service.ports.map((each) => String(each.port)).join(', ');
    const advice = known === '' ? 'give it a port' : `its ports are ${known}`;
    return detached(port === undefined ? path : `${path}.port`, 'NoMatchingParent', message, advice);
  }
  const http = named.filter(({ protocol }) => protocol !== 'tcp');
  if (http.length > 0 && (http.length === named.length || (port === undefined && sectionName === undefined)))
    return http;
  const message = `the service ${quote(name)} carries bytes there, in which nobody can see a request to route`;
  return detached(path, 'NotAllowedByListeners', message, 'declare the port as HTTP by `appProtocol`');
}

function detached(
  path: string,
  reason: Extract<RouteCondition, { type: 'Accepted' }>['reason'],
  message: string,
  advice: string,
): Refusal {
  return { code: 'route-not-attached', path, message, advice, condition: { type: 'Accepted', reason } };
}

function ruleOf(
  { matches = [], backendRefs = [], timeouts = {} }: HttpRouteRuleObject,
  own: string,
  { references }: RouteContext,
): RouteRule {
  const backends = backendRefs.flatMap(({ group = '', kind = 'Service', namespace = own, name, port, weight = 1 }) => {
    if (weight === 0) return [];
    const isService = (group === '' || group === 'core') && kind === 'Service' && port !== undefined;
    const isNamed = namespace === own || mayName(references, own, namespace, name);
    const backend: RouteBackend =
      isService && isNamed ? { to: { service: `${namespace}/${name}`, port }, weight } : { weight };
    return [backend];
  });
  const requestTimeoutMs = parseGatewayDurationMs(timeouts.request ?? '');
  const backendTimeoutMs = parseGatewayDurationMs(timeouts.backendRequest ?? '');
  return {
    matches: matches.length === 0 ? [everyRequest] : matches.map(matchOf),
    backends,
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    ...(backendTimeoutMs === undefined ? {} : { backendTimeoutMs }),
  };
}

const everyRequest: RouteMatch = { path: { kind: 'prefix', path: '/' }, headers: [] };

function matchOf({ path = {}, headers = [], method }: HttpRouteMatchObject): RouteMatch {
  const { type = 'PathPrefix', value = '/' } = path;
  const byName = new Map<string, string>();
  for (const { name, value: wanted } of headers) {
    // Of names that differ in case only the first counts. Source: Gateway API, `HTTPRouteMatch.headers`.
    if (!byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), wanted);
  }
  return {
    path: type === 'Exact' ? { kind: 'exact', path: value } : { kind: 'prefix', path: withoutTrailingSlashes(value) },
    headers: [...byName].map(([name, wanted]) => ({ name, value: wanted })).sort((a, b) => compareText(a.name, b.name)),
    ...(method === undefined ? {} : { method }),
  };
}

/** `/v2/` and `/v2` are one prefix. Source: Gateway API, `PathMatchPathPrefix`. */
function withoutTrailingSlashes(path: string): string {
  let end = path.length;
  while (end > 1 && path.charAt(end - 1) === '/') end -= 1;
  return path.slice(0, end);
}
