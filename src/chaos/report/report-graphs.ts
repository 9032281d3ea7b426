/**
 * What of a drill is better drawn: failures over time, and how many proxies felt the fault and were clean again.
 *
 *   record, happenings ──▶ series of points, with the phases behind them ──▶ svg.ts
 *
 * Points are counts of what was recorded, never of what was not: a graph without a point is not there.
 */
import type { DrillRecord, TimelineEntry, TimelineWord } from '../drill-engine.ts';
import type { Call, Happening } from './happening.ts';

/** Stretches of time of one graph of failures, at most. */
const stretchesMax = 80;

/** Shortest of them, in ms. */
const stretchMsMin = 1_000;

/** Points of one curve: of two thousand proxies every so many. */
const pointsMax = 200;

export interface Graph {
  readonly name: 'failures' | 'proxies';
  /** Epoch ms. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of the fault; absent where it was not laid. */
  readonly fault?: { readonly fromMs: number; readonly untilMs: number };
  readonly series: readonly GraphSeries[];
}

export interface GraphSeries {
  readonly name: 'overflow' | 'failed' | 'effective' | 'clean';
  /** `bars`: how many a second in the stretch that begins there; `steps`: how many by then. */
  readonly shape: 'bars' | 'steps';
  /** Ascending, never empty. */
  readonly points: readonly GraphPoint[];
}

export interface GraphPoint {
  /** Epoch ms. */
  readonly atMs: number;
  readonly value: number;
  /** Of a bar: how long its stretch is, in ms. */
  readonly lengthMs?: number;
}

export function reportGraphs(record: DrillRecord, happenings: readonly Happening[]): readonly Graph[] {
  const { timeline, faultAtMs, startedAtMs, endedAtMs } = record;
  const last = Math.max(timeline.at(-1)?.atMs ?? 0, endedAtMs);
  const [fromMs, untilMs] = [startedAtMs || (timeline.at(0)?.atMs ?? 0), last];
  if (faultAtMs === 0 || untilMs <= fromMs) return [];
  const withdrawn = timeline.find(({ what }) => what === 'fault-withdrawn');
  const frame = { fromMs, untilMs, fault: { fromMs: faultAtMs, untilMs: withdrawn?.atMs ?? untilMs } };
  const graphs: readonly Graph[] = [
    { ...frame, name: 'failures', series: failures(happenings, fromMs, untilMs) },
    { ...frame, name: 'proxies', series: proxies(timeline) },
  ];
  return graphs.filter(({ series }) => series.length > 0);
}

function failures(happenings: readonly Happening[], fromMs: number, untilMs: number): readonly GraphSeries[] {
  const lengthMs = Math.max(stretchMsMin, Math.ceil((untilMs - fromMs) / stretchesMax / 1_000) * 1_000);
  const calls = happenings.filter(
    (each): each is Call => each.kind === 'call' && each.onEdge && each.atMs >= fromMs && each.atMs <= untilMs,
  );
  return (['overflow', 'failed'] as const).flatMap((outcome): GraphSeries[] => {
    const counts = new Map<number, number>();
    for (const each of calls) {
      if (each.outcome !== outcome) continue;
      const stretch = Math.floor((each.atMs - fromMs) / lengthMs);
      counts.set(stretch, (counts.get(stretch) ?? 0) + each.standsFor);
    }
    const points = [...counts]
      .sort(([left], [right]) => left - right)
      .map(([stretch, count]) => ({ atMs: fromMs + stretch * lengthMs, value: (1_000 * count) / lengthMs, lengthMs }));
    return points.length === 0 ? [] : [{ name: outcome, shape: 'bars', points }];
  });
}

function proxies(timeline: readonly TimelineEntry[]): readonly GraphSeries[] {
  const curve = (name: GraphSeries['name'], ...words: readonly TimelineWord[]): readonly GraphSeries[] => {
    const moments = timeline.filter(({ what }) => words.includes(what)).map(({ atMs }) => atMs);
    const every = Math.ceil(moments.length / pointsMax);
    const points = moments
      .map((atMs, index) => ({ atMs, value: index + 1 }))
      .filter(({ value }) => value % every === 0 || value === moments.length);
    return points.length === 0 ? [] : [{ name, shape: 'steps', points }];
  };
  return [...curve('effective', 'proxy-effective'), ...curve('clean', 'proxy-clean', 'proxy-expired')];
}
