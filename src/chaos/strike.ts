/** Which proxies a drill's method strikes, and with which keys: its radius, applied to an edge. */
import type { DrillEdge, EdgeCaller, EdgeEndpoint } from '../envoy/drill-edge.ts';
import { breakerKeys, faultKeys } from '../envoy/drill-keys.ts';
import { compareText } from '../model/canonical-json.ts';
import type { BlastRadius, Drill } from '../model/drill.ts';
import type { PlannedProxy, PlanView } from './drill-engine.ts';
import type { Refusal } from './refusal.ts';
import { choose, shareOf } from './scope.ts';

export interface Strike {
  /** Sorted by proxy. */
  readonly touches: readonly PlannedProxy[];
  /** Callers' proxies that feel it, sorted. */
  readonly experiment: readonly string[];
  readonly excluded: PlanView['excluded'];
  readonly notes: readonly string[];
}

type Setting = PlannedProxy['keys'][number];

/** What an endpoint that is to be ejected answers. */
const ejectedStatus = 503;

export function strikeOf(drill: Drill, edge: DrillEdge): Strike | Refusal {
  const named = edge.callers.filter((caller) => isNamed(caller, drill.radius));
  if (named.length === 0) {
    const message = `nobody of the radius calls \`${drill.target.service}\` on port ${drill.target.port}`;
    return { message, advice: 'name callers that may call it, or grant them the way first' };
  }
  return drill.method.kind === 'openBreaker' || drill.method.kind === 'throttleBreaker'
    ? atCallers(drill, edge, named, drill.method.kind === 'openBreaker' ? 0 : drill.method.limit)
    : atEndpoints(drill, edge, named);
}

export function isRefused(result: Strike | Refusal): result is Refusal {
  return 'message' in result;
}

/** Whether a caller is one of the radius, of which a share is chosen. */
export function isNamed({ tenant, serviceAccount }: EdgeCaller, { callers }: BlastRadius): boolean {
  return callers.some(
    (each) =>
      each.tenant === tenant && (each.serviceAccounts.length === 0 || each.serviceAccounts.includes(serviceAccount)),
  );
}

function atCallers(drill: Drill, edge: DrillEdge, named: readonly EdgeCaller[], limit: number): Strike {
  const count = shareOf(named.length, drill.radius.percent);
  const chosen = new Set(
    choose(
      named.map(({ proxy }) => proxy),
      count,
      drill.key,
    ),
  );
  const touches = named
    .filter(({ proxy }) => chosen.has(proxy))
    .map(({ proxy, clusters }) => ({
      proxy,
      keys: sorted(clusters.map((cluster) => breakerSetting(edge, cluster, limit))),
    }))
    .sort(byProxy);
  return {
    touches,
    experiment: touches.map(({ proxy }) => proxy),
    excluded: [],
    notes: [shareNote(drill, count, named.length, 'proxies')],
  };
}

/** Each protocol obeys one key at once and without losing a connection. Measured on the real Envoy. */
function breakerSetting({ protocol }: DrillEdge, cluster: string, limit: number): Setting {
  const { maxRequests, maxConnections } = breakerKeys(cluster);
  return { key: protocol === 'tcp' ? maxConnections : maxRequests, value: limit };
}

function atEndpoints(drill: Drill, edge: DrillEdge, named: readonly EdgeCaller[]): Strike | Refusal {
  const { method, radius } = drill;
  if (edge.protocol === 'tcp') {
    const message = `\`${method.kind}\` needs requests, and port ${drill.target.port} is opaque TCP`;
    return { message, advice: 'use `openBreaker` or `throttleBreaker`' };
  }
  const identities = [...new Set(named.map(identityOf))];
  const count = shareOf(identities.length, radius.percent);
  const chosen = choose(identities, count, drill.key);
  const endpoints = [...new Set(edge.endpoints.filter(({ ready }) => ready).map(({ proxy }) => proxy))];
  if (method.kind === 'ejectEndpoint' && method.count > endpoints.length) {
    const message = `${method.count} endpoints are to be ejected and \`${drill.target.service}\` has ${endpoints.length} that are ready`;
    return { message, advice: 'eject fewer' };
  }
  const struck = new Set(method.kind === 'ejectEndpoint' ? choose(endpoints, method.count, drill.key) : endpoints);
  const touched = edge.endpoints.filter(({ proxy }) => struck.has(proxy));
  const keys = new Map<string, readonly Setting[]>();
  for (const endpoint of touched) {
    keys.set(endpoint.proxy, [...(keys.get(endpoint.proxy) ?? []), ...endpointSettings(drill, endpoint, chosen)]);
  }
  const unarmed = chosen.filter((identity) => !touched.some(({ armedFor }) => armedFor.has(identity)));
  const felt = new Set(chosen);
  return {
    touches: [...keys]
      .filter(([, settings]) => settings.length > 0)
      .map(([proxy, settings]) => ({ proxy, keys: sorted(settings) }))
      .sort(byProxy),
    experiment: named
      .filter((caller) => felt.has(identityOf(caller)))
      .map(({ proxy }) => proxy)
      .sort(compareText),
    excluded: [...keys]
      .filter(([, settings]) => settings.length === 0)
      .map(([proxy]) => ({ proxy, why: 'has no fault armed for any of the callers' })),
    notes: [
      shareNote(drill, count, identities.length, 'identities'),
      `felt by ${chosen.map(quoted).join(', ')}`,
      ...unarmed.map((identity) => `no fault is armed for ${quoted(identity)}: it feels nothing`),
    ],
  };
}

function endpointSettings(drill: Drill, { port, armedFor }: EdgeEndpoint, identities: readonly string[]): Setting[] {
  return identities
    .filter((identity) => armedFor.has(identity))
    .flatMap((identity) => {
      const [tenant = '', serviceAccount = ''] = identity.split('/');
      return faultSettings(drill, faultKeys(port, tenant, serviceAccount));
    });
}

function faultSettings({ method }: Drill, keys: ReturnType<typeof faultKeys>): readonly Setting[] {
  switch (method.kind) {
    case 'abort':
      return [
        { key: keys.abortPercent, value: method.percent },
        { key: keys.abortStatus, value: method.status },
      ];
    case 'delay':
      return [
        { key: keys.delayPercent, value: method.percent },
        { key: keys.delayMs, value: method.delayMs },
      ];
    case 'ejectEndpoint':
      return [
        { key: keys.abortPercent, value: 100 },
        { key: keys.abortStatus, value: ejectedStatus },
      ];
    case 'openBreaker':
    case 'throttleBreaker':
      return [];
  }
}

function shareNote({ radius }: Drill, count: number, total: number, what: string): string {
  const rounded = total * radius.percent === count * 100 ? '' : ', rounded up';
  return `${radius.percent} % of ${total} ${what} of callers is ${count}${rounded}`;
}

function identityOf({ tenant, serviceAccount }: EdgeCaller): string {
  return `${tenant}/${serviceAccount}`;
}

function quoted(text: string): string {
  return `\`${text}\``;
}

function sorted(settings: readonly Setting[]): readonly Setting[] {
  return [...settings].sort((left, right) => compareText(left.key, right.key));
}

function byProxy(left: { readonly proxy: string }, right: { readonly proxy: string }): number {
  return compareText(left.proxy, right.proxy);
}
