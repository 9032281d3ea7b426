/**
 * Drills that could be meant: what they strike is there, who feels it exists, and what their probes ask may be asked.
 *
 * Being written is not being allowed: consents, caps and windows are judged when a drill is planned, and again before it
 * starts. What is refused here could never be allowed, as no consent opens it.
 */
import { canonicalJson, contentHash } from '../canonical-json.ts';
import type { Drill, DrillMethod, Probe, ProbeSource } from '../drill.ts';
import { observeDefaultMs, probeIntervalDefaultMs, probePhases, probeSilenceDefaultMs } from '../drill-words.ts';
import { parseDurationMs } from '../duration.ts';
import type { DrillObject, ProbeObject } from '../kinds/drill.ts';
import type { ProblemList } from '../problem-list.ts';
import type { ValidObject } from '../sourced-object.ts';
import { type DrillContext, drillRefusals } from './drill-refusals.ts';
import type { Inventory } from './inventory.ts';

/** @returns of one namespace, by `namespace/name`, sorted. */
export function drillsIn(
  inventory: Inventory,
  context: DrillContext,
  problems: ProblemList,
): ReadonlyMap<string, Drill> {
  const drills = new Map<string, Drill>();
  for (const source of inventory.of('Drill')) {
    const refusals = drillRefusals(source.object, context);
    for (const refusal of refusals) problems.error(source, refusal);
    if (refusals.length > 0) continue;
    const drill = drillOf(source);
    drills.set(drill.key, drill);
  }
  return drills;
}

function drillOf({ ref, object, where }: ValidObject<'Drill'>): Drill {
  const { spec } = object;
  const key = `${ref.namespace}/${ref.name}`;
  return {
    key,
    tenant: ref.namespace,
    name: ref.name,
    hypothesis: spec.hypothesis,
    risk: spec.risk ?? '',
    mitigation: spec.mitigation ?? '',
    target: { service: `${ref.namespace}/${spec.target.service}`, port: spec.target.port },
    method: methodOf(spec.method),
    radius: {
      callers: spec.blastRadius.callers.map(({ tenant, serviceAccounts = [] }) => ({
        tenant,
        serviceAccounts: [...new Set(serviceAccounts)].sort(),
      })),
      percent: spec.blastRadius.percent,
    },
    steadyState: spec.steadyState.map(probeOf),
    abortOn: spec.abortOn.map(({ probe, alert }) =>
      probe === undefined ? { kind: 'alert', name: alert ?? '' } : { kind: 'probe', probe },
    ),
    durationMs: parseDurationMs(spec.duration) ?? 0,
    observeMs: parseDurationMs(spec.observe ?? '') ?? observeDefaultMs,
    hash: contentHash(canonicalJson({ key, spec })),
    where,
  };
}

/** Exactly one is there: the rules of the object have seen to it. */
function methodOf({ throttleBreaker, abort, delay, ejectEndpoint }: DrillObject['spec']['method']): DrillMethod {
  if (throttleBreaker !== undefined) return { kind: 'throttleBreaker', ...throttleBreaker };
  if (abort !== undefined) return { kind: 'abort', ...abort };
  if (ejectEndpoint !== undefined) return { kind: 'ejectEndpoint', ...ejectEndpoint };
  if (delay === undefined) return { kind: 'openBreaker' };
  return { kind: 'delay', delayMs: parseDurationMs(delay.duration) ?? 0, percent: delay.percent };
}

function probeOf({ name, phases, source, tolerance, interval, silence }: ProbeObject): Probe {
  return {
    name,
    phases: probePhases.filter((phase) => phases?.includes(phase) ?? true),
    source: sourceOf(source),
    tolerance,
    intervalMs: parseDurationMs(interval ?? '') ?? probeIntervalDefaultMs,
    silenceMs: parseDurationMs(silence ?? '') ?? probeSilenceDefaultMs,
  };
}

function sourceOf({ traffic, http, grpcHealth, promql }: ProbeObject['source']): ProbeSource {
  if (traffic !== undefined) return { kind: 'traffic', metric: traffic.metric, group: traffic.group ?? 'all' };
  if (grpcHealth !== undefined) {
    return { kind: 'grpcHealth', address: grpcHealth.address.toLowerCase(), service: grpcHealth.service ?? '' };
  }
  if (promql !== undefined) return { kind: 'promql', query: promql.query };
  const { url = '', expectStatus = 200, metric = 'success' } = http ?? {};
  return { kind: 'http', url, expectStatus, metric };
}
