/**
 * Whom a fault reached, computed from traffic: which callers, how many of their requests failed, of how many.
 *
 *   record: whose proxies, what they reported ──┐
 *   happenings: failures and overflows ─────────┴──▶ one row for each account and group, those that felt nothing too
 *
 * Load reports count every request, and say nothing of moments; records of single calls have the moment, and only those
 * that failed are all there. So a count is the larger of the two, and the first and last moments are those of records:
 * of the caller's own, and of the errors that the target says it answered.
 * A number that rests on a sample, or on proxies that stand for others, is an estimate and says so.
 */
import { compareText } from '../../model/canonical-json.ts';
import type { DrillRecord, ProxyTraffic } from '../drill-engine.ts';
import type { Call, Happening } from './happening.ts';

export interface Affected {
  readonly tenant: string;
  /** `tenant/serviceAccount`; what else there is of a caller that nobody knows. */
  readonly caller: string;
  /**
   * `struck`: the fault was laid for it; `spared`: of the control group, or out of the radius; `idle`: spared, and not seen
   * to call while others were, so it is no control; `unplanned`: no caller when it was planned.
   */
  readonly group: 'struck' | 'spared' | 'idle' | 'unplanned';
  /** Of the group, when it was planned. */
  readonly proxies: number;
  readonly failed: number;
  /** Undefined where nobody reported and nothing was sampled. Never below `failed`. */
  readonly seen: number | undefined;
  readonly isEstimate: boolean;
  /** Epoch ms; undefined where nothing failed, or no record of a single failure has it. */
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
}

interface Group {
  readonly caller: string;
  readonly group: Affected['group'];
  readonly proxies: readonly string[];
}

/** @returns most failures first; empty where the fault was never laid. */
export function affectedBy(record: DrillRecord, happenings: readonly Happening[]): readonly Affected[] {
  if (record.faultAtMs === 0) return [];
  const [fromMs, untilMs] = feltBetween(record);
  const calls = happenings.filter(
    (each): each is Call =>
      each.kind === 'call' && each.onEdge && each.outcome !== 'denied' && each.atMs >= fromMs && each.atMs <= untilMs,
  );
  const planned = record.callers.flatMap(({ account, struck, spared }): Group[] => [
    ...(struck.length === 0 ? [] : [{ caller: account, group: 'struck' as const, proxies: struck }]),
    ...(spared.length === 0 ? [] : [{ caller: account, group: 'spared' as const, proxies: spared }]),
  ]);
  const byGroup = Map.groupBy(calls, (call) => groupOf(call, planned));
  const uncounted = byGroup.get(undefined)?.filter(({ outcome }) => outcome !== 'answered-error') ?? [];
  const unplanned = Map.groupBy(uncounted, ({ caller }) => caller);
  return [
    ...planned.map((group) => {
      const row = affected(group, trafficOf(record, group), byGroup.get(group) ?? []);
      const isIdle = row.group === 'spared' && record.traffic.length > 0 && (row.seen ?? row.failed) === 0;
      return isIdle && !byGroup.has(group) ? { ...row, group: 'idle' as const } : row;
    }),
    ...[...unplanned].map(([caller, own]) => affected({ caller, group: 'unplanned', proxies: [] }, [], own)),
  ].sort((left, right) => right.failed - left.failed || compareText(left.caller, right.caller));
}

/** Proxies of the control group that were not seen to call, and so control nothing. */
export function idleOf(affected: readonly Affected[]): number {
  return affected.reduce((total, { group, proxies }) => total + (group === 'idle' ? proxies : 0), 0);
}

/** From the fault until the last proxy was seen without it. */
function feltBetween({ faultAtMs, endedAtMs, timeline }: DrillRecord): readonly [number, number] {
  const gone = timeline.findLast(({ what }) => what === 'proxy-clean' || what === 'proxy-expired');
  return [faultAtMs, gone?.atMs ?? (endedAtMs || Number.POSITIVE_INFINITY)];
}

/** By the proxy that told; by the account where the callee did, which is the struck one's where there are two. */
function groupOf({ proxy, caller }: Call, groups: readonly Group[]): Group | undefined {
  return (
    groups.find(({ proxies }) => proxy !== undefined && proxies.includes(proxy)) ??
    groups.find((group) => group.caller === caller)
  );
}

function trafficOf({ traffic }: DrillRecord, { proxies }: Group): readonly ProxyTraffic[] {
  const own = new Set(proxies);
  return traffic.filter(({ proxy }) => own.has(proxy));
}

function affected(
  { caller, group, proxies }: Group,
  reports: readonly ProxyTraffic[],
  calls: readonly Call[],
): Affected {
  const failures = calls.filter(({ outcome }) => outcome === 'overflow' || outcome === 'failed');
  const dated = calls.filter(({ outcome }) => outcome !== 'passed');
  const passed = calls.filter(({ outcome }) => outcome === 'passed');
  const reported = (count: 'seen' | 'failed') =>
    Math.round(reports.reduce((total, each) => total + each[count] * each.standsFor, 0));
  const told = { failed: standingFor(failures), passed: standingFor(passed) };
  const failed = Math.max(reported('failed'), told.failed);
  const isCounted = reports.length > 0;
  const seen = isCounted ? Math.max(reported('seen'), failed) : failed + told.passed;
  const sampled = isCounted ? reports.some(({ standsFor }) => standsFor !== 1) : passed.length > 0;
  return {
    tenant: caller.includes('/') ? caller.slice(0, caller.indexOf('/')) : '',
    caller,
    group,
    proxies: proxies.length,
    failed,
    seen: isCounted || passed.length > 0 ? seen : undefined,
    isEstimate: sampled,
    firstMs: failed === 0 ? undefined : dated.at(0)?.atMs,
    lastMs: failed === 0 ? undefined : dated.at(-1)?.atMs,
  };
}

function standingFor(calls: readonly Call[]): number {
  return calls.reduce((total, { standsFor }) => total + standsFor, 0);
}
