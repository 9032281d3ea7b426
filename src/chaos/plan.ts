/**
 * What a drill would do, to the last key, before anything is done: or everything that stands against it.
 *
 *   drill + edge + who is connected ──planDrill──▶ proxies and their keys, control group, who is left out, notes
 *
 * A plan is named by its hash, which is over all of that and over which run it would be: what was approved is what is
 * started, and a start that is sent again after the run starts nothing.
 */
import { createHash } from 'node:crypto';
import type { DrillEdge, EdgeCaller } from '../envoy/drill-edge.ts';
import { edgeLogKey } from '../envoy/drill-keys.ts';
import { canonicalJson, compareText } from '../model/canonical-json.ts';
import type { Drill } from '../model/drill.ts';
import { latencyMetrics } from '../model/drill-words.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { consentRefusals } from './consent.ts';
import type { CallerAccount, PlannedProxy, PlanView } from './drill-engine.ts';
import { ruleRefusals } from './house-rules.ts';
import { controlNotes, edgeNotes } from './plan-notes.ts';
import type { Refusal } from './refusal.ts';
import { isRefused, strikeOf } from './strike.ts';

export interface DrillPlan {
  readonly view: PlanView;
  /** Clusters of the edge, as the callers' proxies call them. Sorted. */
  readonly clusters: readonly string[];
  /** Callers' proxies that feel the fault: themselves, or by what the target answers. Sorted. */
  readonly experiment: readonly string[];
  /** Whose they all are: those that feel it, and those that stay as they are. Sorted by account. */
  readonly callers: readonly CallerAccount[];
}

export interface PlanInput {
  readonly snapshot: Snapshot;
  readonly drill: Drill;
  readonly edge: DrillEdge;
  /** Proxies that hold an ADS stream, by workload key. */
  readonly connected: ReadonlyMap<string, ConnectedProxy>;
  /** Which run of the drill it would be, from 1. */
  readonly number: number;
  readonly nowMs: number;
}

export interface ConnectedProxy {
  /** Whether it takes resources that die by themselves; without that no fault is laid on it. */
  readonly takesTtl: boolean;
}

export type PlanResult =
  | { readonly kind: 'planned'; readonly plan: DrillPlan }
  /** Never empty. */
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[] };

/** Share of an edge's requests that is told while somebody measures, in percent. */
const everyRequest = 100;

export function planDrill(input: PlanInput): PlanResult {
  const { snapshot, drill, edge, connected, number, nowMs } = input;
  const struck = strikeOf(drill, edge);
  const refusals = [
    ...ruleRefusals(drill, snapshot.mesh),
    ...consentRefusals(drill, snapshot.drillConsents, nowMs),
    ...(isRefused(struck) ? [struck] : []),
  ];
  if (refusals.length > 0 || isRefused(struck)) return { kind: 'refused', refusals };

  const excluded = struck.touches.flatMap(({ proxy }) => whyNot(proxy, connected)).concat(struck.excluded);
  const out = new Set(excluded.map(({ proxy }) => proxy));
  const touches = struck.touches.filter(({ proxy }) => !out.has(proxy));
  if (touches.length === 0) return { kind: 'refused', refusals: [nobodyLeft(excluded)] };

  const chosen = new Set(struck.experiment);
  const spared = edge.callers.filter(({ proxy }) => !chosen.has(proxy));
  const watches = watchesFor(drill, edge, connected);
  const content = {
    drill: drill.key,
    method: drill.method,
    needsSecondPerson: needsSecondPerson(input, struck.experiment.length),
    touches,
    ...(watches.length === 0 ? {} : { watches }),
    control: namesOf(spared),
    excluded: [...excluded].sort((left, right) => compareText(left.proxy, right.proxy)),
    notes: [...struck.notes, ...edgeNotes(drill, edge), ...controlNotes(drill, spared)],
  };
  const view: PlanView = { ...content, hash: planHash({ ...content, definition: drill.hash, number }) };
  const clusters = [...new Set(edge.callers.flatMap((caller) => caller.clusters))].sort(compareText);
  const experiment = struck.experiment.filter((proxy) => !out.has(proxy));
  return { kind: 'planned', plan: { view, clusters, experiment, callers: accountsOf(edge, experiment, out) } };
}

/** Those that are left out are in neither group. */
function accountsOf(
  { callers }: DrillEdge,
  experiment: readonly string[],
  out: ReadonlySet<string>,
): readonly CallerAccount[] {
  const struck = new Set(experiment);
  const accounts = Map.groupBy(
    callers.filter(({ proxy }) => !out.has(proxy)),
    ({ tenant, serviceAccount }) => `${tenant}/${serviceAccount}`,
  );
  return [...accounts]
    .map(([account, members]) => ({
      account,
      struck: namesOf(members.filter(({ proxy }) => struck.has(proxy))),
      spared: namesOf(members.filter(({ proxy }) => !struck.has(proxy))),
    }))
    .sort((left, right) => compareText(left.account, right.account));
}

/** @returns 32 hexadecimal digits. */
function planHash(content: object): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex').slice(0, 32);
}

function whyNot(proxy: string, connected: ReadonlyMap<string, ConnectedProxy>): PlanView['excluded'] {
  const client = connected.get(proxy);
  if (client === undefined) return [{ proxy, why: 'is not connected' }];
  if (client.takesTtl) return [];
  return [{ proxy, why: 'does not take resources with a TTL, so a fault could not end by itself' }];
}

function nobodyLeft(excluded: PlanView['excluded']): Refusal {
  const each = excluded.map(({ proxy, why }) => `\`${proxy}\` ${why}`).join(', ');
  return { message: `no proxy can take the fault: ${each}`, advice: 'plan again when they are connected' };
}

function needsSecondPerson({ snapshot, drill }: PlanInput, callers: number): boolean {
  const { secondPersonAbove } = snapshot.mesh.drills;
  return drill.radius.percent > secondPersonAbove.percent || callers > secondPersonAbove.callers;
}

/**
 * Single requests and connections, of which proxies tell only when asked; and only those whose tenant is in the radius are.
 * Percentiles come from them, and on a TCP port all that is known of success, failure and overflow.
 */
function watchesFor(
  drill: Drill,
  edge: DrillEdge,
  connected: ReadonlyMap<string, ConnectedProxy>,
): readonly PlannedProxy[] {
  const isNeeded = drill.steadyState.some(
    ({ source }) =>
      source.kind === 'traffic' &&
      (latencyMetrics.has(source.metric) || (edge.protocol === 'tcp' && source.metric !== 'requestsPerSecond')),
  );
  if (!isNeeded) return [];
  const tenants = new Set(drill.radius.callers.map(({ tenant }) => tenant));
  return edge.callers
    .filter(({ tenant, proxy }) => tenants.has(tenant) && connected.get(proxy)?.takesTtl === true)
    .map(({ proxy, clusters }) => ({
      proxy,
      keys: [...clusters].sort(compareText).map((cluster) => ({ key: edgeLogKey(cluster), value: everyRequest })),
    }))
    .sort((left, right) => compareText(left.proxy, right.proxy));
}

function namesOf(callers: readonly EdgeCaller[]): readonly string[] {
  return [...new Set(callers.map(({ proxy }) => proxy))].sort(compareText);
}
