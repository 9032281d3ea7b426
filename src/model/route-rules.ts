/**
 * What one `HTTPRoute` asks for and is not carried: refused with Gateway API's own condition, never left out in silence.
 *
 * A route that was in force stays as it was (a folder keeps its last good); one that never was changes nothing.
 */
import { parseGatewayDurationMs } from './duration.ts';
import type {
  HttpRouteBackendObject,
  HttpRouteMatchObject,
  HttpRouteObject,
  HttpRouteRuleObject,
} from './kinds/http-route.ts';
import type { RouteCondition } from './problem.ts';
import { isRecord } from './prune.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';

/** Longest timeout of a route, in ms. */
const timeoutMaxMs = 86_400_000;

/** Most pairs of a match and a rule in one route. Source: Gateway API, `HTTPRouteSpec.rules`. */
const matchesMax = 128;

/** Of a route that cannot be carried as it is written. */
export const unsupportedValue: RouteCondition = { type: 'Accepted', reason: 'UnsupportedValue' };

/** The kind of parent that is ours; routes of a Gateway are another controller's. */
export function isServiceParent({ kind }: { readonly kind?: unknown }): boolean {
  return kind === 'Service';
}

/** Whether no parent of a route can be ours. What cannot be told is ours, and refused. @param raw of any shape. */
export function isForeignRoute(raw: Record<string, unknown>): boolean {
  const spec = raw['spec'];
  const parents = isRecord(spec) ? spec['parentRefs'] : undefined;
  if (!Array.isArray(parents) || parents.length === 0) return false;
  return parents.every((parent) => {
    if (!isRecord(parent)) return false;
    const { kind } = parent;
    return (kind === undefined || typeof kind === 'string') && !isServiceParent(parent);
  });
}

export function httpRouteFindings({ spec }: HttpRouteObject): Finding[] {
  const matches = spec.rules.reduce((sum, rule) => sum + Math.max(rule.matches?.length ?? 1, 1), 0);
  return [
    ...unsupported(
      isWritten(spec.hostnames),
      'spec.hostnames',
      'a route of a Service is chosen by the address dialled, and host names do not steer',
      'remove `hostnames`',
    ),
    ...unsupported(
      spec.useDefaultGateways !== undefined,
      'spec.useDefaultGateways',
      'gateways are not carried',
      'remove it',
    ),
    ...unsupported(
      matches > matchesMax,
      'spec.rules',
      `the route has ${matches} matches, and ${matchesMax} is the most`,
      'split it into several routes',
    ),
    ...spec.rules.flatMap((rule, index) => ruleFindings(rule, `spec.rules[${index}]`)),
  ];
}

function ruleFindings(rule: HttpRouteRuleObject, path: string): Finding[] {
  return [
    ...unsupported(
      isWritten(rule.filters),
      `${path}.filters`,
      'filters are not carried, and a request must not go out unfiltered',
      'remove them, and do in the application what they were for',
    ),
    ...unsupported(
      rule.retry !== undefined,
      `${path}.retry`,
      'retries of one rule are not carried',
      'write `retries` in a `TrafficPolicy` of the service',
    ),
    ...unsupported(
      rule.sessionPersistence !== undefined,
      `${path}.sessionPersistence`,
      'session persistence is not carried',
      'remove it',
    ),
    ...timeoutFindings(rule, `${path}.timeouts`),
    ...(rule.matches ?? []).flatMap((match, index) => matchFindings(match, `${path}.matches[${index}]`)),
    ...(rule.backendRefs ?? []).flatMap((ref, index) => backendFindings(ref, `${path}.backendRefs[${index}]`)),
  ];
}

function matchFindings({ path, headers = [], queryParams, method }: HttpRouteMatchObject, at: string): Finding[] {
  const exact = 'write `Exact`, or a path by `PathPrefix`';
  return [
    ...unsupported(path?.type === 'RegularExpression', `${at}.path.type`, 'regular expressions are not carried', exact),
    ...headers.flatMap(({ type }, index) =>
      unsupported(
        type === 'RegularExpression',
        `${at}.headers[${index}].type`,
        'regular expressions are not carried',
        exact,
      ),
    ),
    ...unsupported(
      isWritten(queryParams),
      `${at}.queryParams`,
      'query parameters are not compared',
      'match by path or header',
    ),
    ...unsupported(
      method === 'CONNECT',
      `${at}.method`,
      'CONNECT is refused by every sidecar, so the rule would never be heard',
      'remove the match',
    ),
  ];
}

function backendFindings({ kind = 'Service', port, filters }: HttpRouteBackendObject, path: string): Finding[] {
  return [
    ...(kind === 'Service' && port === undefined
      ? [
          refused(
            'missing-field',
            `${path}.port`,
            `${quote(`${path}.port`)} is missing`,
            'write the port of the Service',
          ),
        ]
      : []),
    ...unsupported(
      isWritten(filters),
      `${path}.filters`,
      'filters of one backend are not carried, and a request must not go out unfiltered',
      'remove them',
    ),
  ];
}

function timeoutFindings({ timeouts = {} }: HttpRouteRuleObject, path: string): Finding[] {
  const [request, backendRequest] = [timeouts.request, timeouts.backendRequest].map((text) =>
    text === undefined ? undefined : parseGatewayDurationMs(text),
  );
  const tooLong = Object.entries({ request, backendRequest }).flatMap(([field, ms]) =>
    ms === undefined || ms <= timeoutMaxMs
      ? []
      : [refused('bad-value', `${path}.${field}`, 'the timeout is longer than a day', 'write at most `24h`')],
  );
  if (request === undefined || request === 0 || backendRequest === undefined || backendRequest <= request)
    return tooLong;
  const message = 'one try cannot take longer than all of them';
  return [
    ...tooLong,
    refused('bad-value', `${path}.backendRequest`, message, `write at most ${quote(timeouts.request ?? '')}`),
  ];
}

function isWritten(list: readonly unknown[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}

function unsupported(isAsked: boolean, path: string, why: string, advice: string): Finding[] {
  return isAsked ? [refused('unsupported-value', path, `${why}, so the route is not accepted`, advice)] : [];
}

function refused(code: Finding['code'], path: string, message: string, advice: string): Finding {
  return { code, severity: 'error', path, message, advice, condition: unsupportedValue };
}
