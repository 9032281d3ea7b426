/**
 * The routes of one service port, as one caller's proxy is to apply them.
 *
 *   HttpRoutes of the parent ──flatten, order──▶ OutboundRule[]   the first that matches is heard; none, and it is 404
 *
 * A backend is named only where this caller may dial it: in its own tenant, or by a live grant. Another keeps its
 * weight without a name, and that share is answered 500: never handed to the others, which the author did not ask for.
 */
import type { HttpRoute, RouteMatch, RouteRule, ServicePortRef } from '../model/http-route.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { longer } from './traffic.ts';

export interface OutboundRule {
  readonly match: RouteMatch;
  /** In ms, 0 for no limit; absent means what the service says. */
  readonly requestTimeoutMs?: number;
  readonly backendTimeoutMs?: number;
  /** Each place once, sorted; empty means that the rule answers 500. */
  readonly shares: readonly BackendShare[];
}

export interface BackendShare {
  /** What has a cluster in the same view; absent means 500. */
  readonly to?: Place;
  /** Relative to the other shares; 1 or more. */
  readonly weight: number;
}

/** A service port, or that port of one pod of a headless service. */
export interface Place extends ServicePortRef {
  readonly pod?: string;
}

/** Routes by the place that they are attached to. */
export type RouteIndex = ReadonlyMap<string, readonly HttpRoute[]>;

export function indexRoutes({ httpRoutes }: Snapshot): RouteIndex {
  const attached = [...httpRoutes.values()].flatMap((route) => route.parents.map((parent) => ({ route, parent })));
  const byPlace = Map.groupBy(attached, ({ parent }) => placeOf(parent));
  return new Map([...byPlace].map(([place, pairs]) => [place, pairs.map(({ route }) => route)]));
}

export function placeOf({ service, port }: ServicePortRef): string {
  return `${service} ${port}`;
}

/**
 * @param reachable places that this caller may send requests to.
 * @returns empty where no route is attached: the service itself answers.
 */
export function rulesFor(index: RouteIndex, parent: ServicePortRef, reachable: ReadonlySet<string>): OutboundRule[] {
  const routes = [...(index.get(placeOf(parent)) ?? [])].sort(
    (left, right) => left.createdMs - right.createdMs || (left.key < right.key ? -1 : 1),
  );
  return routes
    .flatMap(({ rules }) => rules.flatMap((rule) => rule.matches.map((match) => outboundRule(rule, match, reachable))))
    .sort((left, right) => precedence(left.match, right.match));
}

function outboundRule(rule: RouteRule, match: RouteMatch, reachable: ReadonlySet<string>): OutboundRule {
  const { requestTimeoutMs, backendTimeoutMs } = rule;
  return {
    match,
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    ...(backendTimeoutMs === undefined ? {} : { backendTimeoutMs }),
    shares: sharesOf(rule, reachable),
  };
}

function sharesOf({ backends }: RouteRule, reachable: ReadonlySet<string>): BackendShare[] {
  const byPlace = new Map<string, BackendShare>();
  for (const { to, weight } of backends) {
    const isOpen = to !== undefined && reachable.has(placeOf(to));
    const place = isOpen ? placeOf(to) : '';
    byPlace.set(place, { ...(isOpen ? { to } : {}), weight: weight + (byPlace.get(place)?.weight ?? 0) });
  }
  return [...byPlace].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, share]) => share);
}

/** What says more about a request goes first; the rest stays in order. Source: Gateway API, `HTTPRouteRule.matches`. */
function precedence(left: RouteMatch, right: RouteMatch): number {
  return (
    Number(right.path.kind === 'exact') - Number(left.path.kind === 'exact') ||
    right.path.path.length - left.path.path.length ||
    Number(right.method !== undefined) - Number(left.method !== undefined) ||
    right.headers.length - left.headers.length
  );
}

/**
 * How long the callee's own proxy waits for one exchange of a service port: as long as the owner lets any caller wait.
 * @param byPolicyMs what the service's policy or the default says.
 */
export function patienceOf({ httpRoutes }: Snapshot, target: ServicePortRef, byPolicyMs: number): number {
  const tenant = target.service.slice(0, target.service.indexOf('/'));
  const limits = [...httpRoutes.values()]
    .filter((route) => route.tenant === tenant)
    .flatMap(({ rules }) => rules)
    .filter(({ backends }) => backends.some(({ to }) => to !== undefined && placeOf(to) === placeOf(target)))
    .flatMap(({ requestTimeoutMs }) => requestTimeoutMs ?? []);
  return limits.reduce(longer, byPolicyMs);
}
