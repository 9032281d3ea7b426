/**
 * What authors are told of the backends of their routes: what does not exist, and whom it is not open to.
 *
 * Whether a caller reaches a backend is decided for each proxy (see `policy/routing.ts`); this finds out beforehand
 * which callers will not, because their share of 500s would otherwise be the first to tell.
 */
import type { HttpRoute, ServicePortRef } from '../http-route.ts';
import type { HttpRouteBackendObject } from '../kinds/http-route.ts';
import type { RouteCondition } from '../problem.ts';
import type { ProblemList } from '../problem-list.ts';
import { quote } from '../quote.ts';
import type { Grant, Service } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';
import { mayName, type References } from './references.ts';

export interface RouteContext {
  /** Of the route's own tenant. */
  readonly services: ReadonlyMap<string, Service>;
  /** Keys of all services of the mesh. */
  readonly serviceKeys: ReadonlySet<string>;
  /** Those in force, by the service they open. */
  readonly grantsTo: ReadonlyMap<string, readonly Grant[]>;
  /** Of the whole mesh: what routes may name beyond their namespace. */
  readonly references: References;
}

type Refusal = Omit<Finding, 'severity'>;

/** Who of one tenant: every workload, or those of these identities. */
type Part = 'every' | ReadonlySet<string>;

export function warnOfBackends(
  source: ValidObject<'HTTPRoute'>,
  route: HttpRoute,
  context: RouteContext,
  problems: ProblemList,
): void {
  const callers = callersOf(route, context);
  for (const [ruleIndex, { backendRefs = [] }] of source.object.spec.rules.entries()) {
    for (const [index, ref] of backendRefs.entries()) {
      const path = `spec.rules[${ruleIndex}].backendRefs[${index}]`;
      const refusal = refusalOf(ref, route.tenant, callers, context, path);
      if (refusal !== undefined) problems.error(source, refusal);
      else warnOfOtherCallers(source, ref, route.tenant, callers, context, path, problems);
    }
  }
}

function refusalOf(
  { group = '', kind = 'Service', namespace, name, port = 0 }: HttpRouteBackendObject,
  own: string,
  callers: ReadonlyMap<string, Part>,
  context: RouteContext,
  path: string,
): Refusal | undefined {
  if ((group !== '' && group !== 'core') || kind !== 'Service') {
    const message = `a backend of kind ${quote(kind)} is not carried`;
    return unresolved(`${path}.kind`, 'InvalidKind', message, 'name a Service');
  }
  const target = { service: `${namespace ?? own}/${name}`, port };
  if (namespace !== undefined && namespace !== own) {
    const isNamed = mayName(context.references, own, namespace, name);
    const isGranted = isCovered(callers.get(own), admitted(target, own, context));
    return isNamed && isGranted
      ? undefined
      : notPermitted(path, own, namespace, `${quote(name)} on port ${port}`, isNamed, isGranted);
  }
  const service = context.services.get(target.service);
  const servicePort = service?.ports.find((candidate) => candidate.port === port);
  if (service === undefined) {
    const message = `there is no service ${quote(name)} in ${quote(own)}`;
    return unresolved(`${path}.name`, 'BackendNotFound', message, 'check the name of the service');
  }
  if (servicePort === undefined) {
    const known = service.ports.map((each) => String(each.port)).join(', ');
    const advice = known === '' ? 'give it a port' : `its ports are ${known}`;
    return unresolved(
      `${path}.port`,
      'BackendNotFound',
      `the service ${quote(name)} has no port ${port} in force`,
      advice,
    );
  }
  if (service.headless) {
    const message = `the service ${quote(name)} is headless: its pods are dialled one by one and share nothing`;
    return unresolved(`${path}.name`, 'BackendNotFound', message, 'give the service a virtual address');
  }
  if (servicePort.protocol === 'tcp') {
    const message = `port ${port} of ${quote(name)} carries bytes, and a route leads requests`;
    const advice = 'declare the port as HTTP by `appProtocol`';
    return unresolved(`${path}.port`, 'UnsupportedProtocol', message, advice);
  }
  return undefined;
}

/**
 * Two consents of the other tenant, each to something else: that routes from here name the service, and that callers from
 * here reach it. Said alike whether the service exists or not: the other tenant has not told us.
 */
function notPermitted(
  path: string,
  own: string,
  namespace: string,
  what: string,
  isNamed: boolean,
  isGranted: boolean,
): Refusal {
  const [from, of] = [quote(own), quote(namespace)];
  const unnamed = `no \`ReferenceGrant\` of ${of} lets routes of ${from} name ${what}`;
  const unreached = `no \`Grant\` of ${of} lets every caller of ${from} reach ${what}`;
  const needed = [...(isNamed ? [] : ['`ReferenceGrant`']), ...(isGranted ? [] : ['`Grant`'])].join(' and a ');
  const message = isNamed ? unreached : isGranted ? unnamed : `${unnamed}, and ${unreached}`;
  return unresolved(path, 'RefNotPermitted', message, `ask the owner of ${of} for a ${needed} to ${from}`);
}

/** Callers in other tenants need a grant to the backend of their own; the route's owner has granted them the parent only. */
function warnOfOtherCallers(
  source: ValidObject<'HTTPRoute'>,
  { namespace, name, port = 0 }: HttpRouteBackendObject,
  own: string,
  callers: ReadonlyMap<string, Part>,
  context: RouteContext,
  path: string,
  problems: ProblemList,
): void {
  const target = { service: `${namespace ?? own}/${name}`, port };
  for (const [tenant, part] of callers) {
    if (tenant === own || isCovered(part, admitted(target, tenant, context))) continue;
    problems.warning(source, {
      code: 'backend-unresolved',
      path,
      message: `callers of ${quote(tenant)} may reach the parent and not every one of them this backend: its share of their requests is answered 500`,
      advice: `${quote(tenant)} needs a \`Grant\` to ${quote(target.service)} on port ${port} as well`,
    });
  }
}

/** By tenant, sorted: who may dial a parent of the route. */
function callersOf({ tenant, parents }: HttpRoute, context: RouteContext): ReadonlyMap<string, Part> {
  const granted = parents.flatMap(({ service, port }) =>
    (context.grantsTo.get(service) ?? []).flatMap(({ from, to }) => (to.ports.includes(port) ? [from.tenant] : [])),
  );
  const parts = [...new Set(granted)]
    .sort()
    .map((other): [string, Part] => [other, union(parents.map((parent) => admitted(parent, other, context)))]);
  return new Map([[tenant, 'every'], ...parts]);
}

/** Who of a tenant may dial one service port. */
function admitted({ service, port }: ServicePortRef, tenant: string, { serviceKeys, grantsTo }: RouteContext): Part {
  if (service.startsWith(`${tenant}/`) && serviceKeys.has(service)) return 'every';
  const leading = (grantsTo.get(service) ?? []).filter(
    ({ from, to }) => from.tenant === tenant && to.ports.includes(port),
  );
  return union(leading.map(({ from }) => (from.spiffeIds.length === 0 ? 'every' : new Set(from.spiffeIds))));
}

function union(parts: readonly Part[]): Part {
  const sets = parts.filter((part) => part !== 'every');
  return sets.length < parts.length ? 'every' : new Set(sets.flatMap((set) => [...set]));
}

function isCovered(callers: Part | undefined, by: Part): boolean {
  if (by === 'every' || callers === undefined) return true;
  return callers !== 'every' && [...callers].every((id) => by.has(id));
}

function unresolved(
  path: string,
  reason: Extract<RouteCondition, { type: 'ResolvedRefs' }>['reason'],
  why: string,
  advice: string,
): Refusal {
  const message = `${why}, so its share of the requests is answered 500`;
  return { code: 'backend-unresolved', path, message, advice, condition: { type: 'ResolvedRefs', reason } };
}
