/**
 * The way to one service: its routes in their order, or all requests to the service itself.
 *
 *   OutboundPort.rules ──▶ one Envoy route each, or more   what none of them matches Envoy answers 404
 *
 * The surprise is the more: a condition that may repeat an effect is retried for methods without one only, and Envoy
 * has one retry policy a route, so such a rule is written once for each of those methods, and then for the others.
 */
import { create } from '@bufbuild/protobuf';
import {
  type RouteMatch as EnvoyRouteMatch,
  type RetryPolicy,
  RetryPolicySchema,
  type Route,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  WeightedClusterSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { RouteMatch, RoutePath } from '../model/http-route.ts';
import type { RetryCondition } from '../model/traffic-policy.ts';
import type { BackendShare, OutboundRule } from '../policy/routing.ts';
import type { TrafficSettings } from '../policy/traffic.ts';
import { serviceCluster, unresolvedCluster } from './names.ts';
import type { Way } from './proxy-parts.ts';
import { durationOf } from './resource.ts';
import { exact } from './string-match.ts';

/** Methods that have no effect, so that a second try cannot repeat one. Source: RFC 9110, section 9.2.1. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** What Envoy calls each condition in `retry_on`. */
const retryOn: Readonly<Record<RetryCondition, string>> = {
  'connect-failure': 'connect-failure',
  'gateway-error': 'gateway-error',
  'refused-stream': 'refused-stream',
  'reset-before-request': 'reset-before-request',
  // The gRPC status, and the HTTP one that is named beside it.
  unavailable: 'unavailable,retriable-status-codes',
};

export function outboundRoutes(outbound: Way): readonly Route[] {
  const rules = outbound.rules.length > 0 ? outbound.rules : [{ match: everyRequest, shares: [itself(outbound)] }];
  return rules.flatMap((rule) => routesOfRule(outbound, rule));
}

const everyRequest: RouteMatch = { path: { kind: 'prefix', path: '/' }, headers: [] };

function itself(to: Way): BackendShare {
  return { to, weight: 1 };
}

function routesOfRule({ traffic }: Way, rule: OutboundRule): readonly Route[] {
  const { match, shares } = rule;
  if (!shares.some(({ to }) => to !== undefined)) {
    return [create(RouteSchema, { match: matchOf(match), action: { case: 'directResponse', value: { status: 500 } } })];
  }
  const { on } = traffic.retries;
  const repeatable = on.filter((condition) => condition !== 'gateway-error');
  const forMethod = (method: string | undefined, conditions: readonly RetryCondition[]) =>
    create(RouteSchema, {
      match: matchOf({ ...match, ...(method === undefined ? {} : { method }) }),
      action: { case: 'route', value: actionOf(traffic, rule, conditions) },
    });
  if (match.method !== undefined) {
    return [forMethod(match.method, safeMethods.includes(match.method) ? on : repeatable)];
  }
  const apart = repeatable.length < on.length ? safeMethods : [];
  return [...apart.map((method) => forMethod(method, on)), forMethod(undefined, repeatable)];
}

function actionOf(traffic: TrafficSettings, rule: OutboundRule, conditions: readonly RetryCondition[]): RouteAction {
  const retryPolicy = retryPolicyOf(traffic, rule, conditions);
  return create(RouteActionSchema, {
    ...clustersOf(rule.shares),
    timeout: durationOf(rule.requestTimeoutMs ?? traffic.timeouts.requestMs),
    idleTimeout: durationOf(traffic.timeouts.idleMs),
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
  });
}

/** A share without a backend names a cluster that is never there, whose answer is chosen to be 500. */
function clustersOf(
  shares: readonly BackendShare[],
): Pick<RouteAction, 'clusterSpecifier'> & Partial<Pick<RouteAction, 'clusterNotFoundResponseCode'>> {
  const clusters = shares.map(({ to, weight }) => ({
    name: to === undefined ? unresolvedCluster : serviceCluster(to),
    weight,
  }));
  const [only] = clusters;
  if (only !== undefined && clusters.length === 1) return { clusterSpecifier: { case: 'cluster', value: only.name } };
  return {
    clusterSpecifier: {
      case: 'weightedClusters',
      value: create(WeightedClusterSchema, { clusters }),
    },
    ...(shares.some(({ to }) => to === undefined)
      ? { clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR }
      : {}),
  };
}

function retryPolicyOf(
  { retries }: TrafficSettings,
  { backendTimeoutMs = retries.perTryTimeoutMs }: OutboundRule,
  conditions: readonly RetryCondition[],
): RetryPolicy | undefined {
  const numRetries = conditions.length === 0 ? 0 : retries.attempts;
  if (numRetries === 0 && backendTimeoutMs === 0) return undefined;
  return create(RetryPolicySchema, {
    retryOn: conditions.map((condition) => retryOn[condition]).join(','),
    numRetries,
    ...(conditions.includes('unavailable') ? { retriableStatusCodes: [503] } : {}),
    ...(backendTimeoutMs === 0 ? {} : { perTryTimeout: durationOf(backendTimeoutMs) }),
  });
}

function matchOf({ path, method, headers }: RouteMatch): EnvoyRouteMatch {
  const named = method === undefined ? headers : [{ name: ':method', value: method }, ...headers];
  return create(RouteMatchSchema, {
    pathSpecifier: pathOf(path),
    headers: named.map(({ name, value }) => ({
      name,
      headerMatchSpecifier: { case: 'stringMatch' as const, value: exact(value) },
    })),
  });
}

function pathOf({ kind, path }: RoutePath): EnvoyRouteMatch['pathSpecifier'] {
  if (kind === 'exact') return { case: 'path', value: path };
  return path === '/' ? { case: 'prefix', value: path } : { case: 'pathSeparatedPrefix', value: path };
}
