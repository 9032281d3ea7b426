/**
 * One story of a drill and of what else was recorded meanwhile: in order, folded, and never longer than a person reads.
 *
 *   timeline of the drill ─┐
 *   happenings ────────────┴──fold──▶ lines, each with count, first and last ──cut──▶ at most `linesMax`, by time
 *
 * What is the same (412 overflows from A to B) is one line within each phase, so that the phases can be compared. If
 * there are still too many lines, those of the drill itself stay longest, and the rest go by what they say.
 */
import type { DrillRecord, TimelineEntry, TimelineWord } from '../drill-engine.ts';
import type { Happening, OccurrenceWord } from './happening.ts';

/** Most lines of one report. */
export const linesMax = 400;

/** Entries about single proxies, or about one probe, of one kind in one phase, before they become one line. */
const alikeMax = 20;

export interface TimelineLine {
  /** Of the first, and of the last, epoch ms. */
  readonly atMs: number;
  readonly lastMs: number;
  /** How often, at least 1. */
  readonly count: number;
  readonly told: TimelineEntry | Happening;
}

export interface MergedTimeline {
  /** Ascending by their first moment. */
  readonly lines: readonly TimelineLine[];
  /** Lines that there was no room for. */
  readonly omitted: number;
}

export function mergedTimeline(record: DrillRecord, happenings: readonly Happening[]): MergedTimeline {
  const phaseOf = phases(record);
  const crowds = crowdsOf(record, phaseOf);
  const lines = folded([
    ...record.timeline.map((told): Item => ({ told, key: entryKey(told, crowds, phaseOf), times: 1 })),
    ...happenings.flatMap((told): Item[] => {
      // What passed is counted, and what the callee tells of is its callers' failure: neither is an event of the story.
      if (told.kind === 'call' && (told.outcome === 'passed' || told.outcome === 'answered-error')) return [];
      return [{ told, key: `${phaseOf(told.atMs)} ${happeningKey(told)}`, times: timesOf(told) }];
    }),
  ]);
  const kept = new Set(
    lines.toSorted((left, right) => rankOf(left) - rankOf(right) || right.count - left.count).slice(0, linesMax),
  );
  return {
    // Of one moment in the order in which they were told, the drill's own first.
    lines: lines.filter((line) => kept.has(line)).toSorted((left, right) => left.atMs - right.atMs),
    omitted: lines.length - kept.size,
  };
}

interface Item {
  readonly told: TimelineEntry | Happening;
  /** What has the same is one line; undefined of what stands by itself. */
  readonly key: string | undefined;
  readonly times: number;
}

function folded(items: readonly Item[]): readonly TimelineLine[] {
  const lines: TimelineLine[] = [];
  const indexes = new Map<string, number>();
  for (const { told, key, times } of items) {
    const index = key === undefined ? undefined : indexes.get(key);
    const known = index === undefined ? undefined : lines[index];
    if (index === undefined || known === undefined) {
      if (key !== undefined) indexes.set(key, lines.length);
      lines.push({ atMs: told.atMs, lastMs: told.atMs, count: times, told });
    } else {
      const [atMs, lastMs] = [Math.min(known.atMs, told.atMs), Math.max(known.lastMs, told.atMs)];
      lines[index] = { ...known, atMs, lastMs, count: known.count + times };
    }
  }
  return lines;
}

/** 0 before the fault, 1 while it lay, 2 after it. */
function phases({ faultAtMs, timeline }: DrillRecord): (atMs: number) => number {
  const withdrawnMs = timeline.find(({ what }) => what === 'fault-withdrawn')?.atMs ?? Number.POSITIVE_INFINITY;
  return (atMs) => (faultAtMs === 0 || atMs < faultAtMs ? 0 : atMs < withdrawnMs ? 1 : 2);
}

/** Those of which a line each would be a crowd. */
const crowding: ReadonlySet<TimelineWord> = new Set<TimelineWord>([
  ...(['proxy-effective', 'proxy-clean', 'proxy-expired', 'proxy-excluded', 'proxy-differs'] as const),
  ...(['probe-breach', 'probe-silent', 'alert'] as const),
]);

function crowdKey({ what, about = '', text, atMs }: TimelineEntry, phaseOf: (atMs: number) => number): string {
  // Of proxies it is the same news; of a probe or an alert the same name.
  return `${phaseOf(atMs)} ${what} ${what.startsWith('proxy-') ? text : about}`;
}

function crowdsOf({ timeline }: DrillRecord, phaseOf: (atMs: number) => number): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const entry of timeline) {
    if (!crowding.has(entry.what)) continue;
    const key = crowdKey(entry, phaseOf);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Set([...counts].filter(([, count]) => count > alikeMax).map(([key]) => key));
}

function entryKey(
  entry: TimelineEntry,
  crowds: ReadonlySet<string>,
  phaseOf: (atMs: number) => number,
): string | undefined {
  if (!crowding.has(entry.what)) return undefined;
  const key = crowdKey(entry, phaseOf);
  return crowds.has(key) ? key : undefined;
}

function happeningKey(told: Happening): string {
  if (told.kind === 'call') return JSON.stringify([told.outcome, told.caller, told.callee, told.detail]);
  return JSON.stringify([told.what, told.about, told.words]);
}

function timesOf(told: Happening): number {
  return told.kind === 'call' ? told.standsFor : 1;
}

/** The lower, the longer it stays where there are too many. */
function rankOf({ told }: TimelineLine): number {
  if (!('kind' in told)) return 0;
  return told.kind === 'call' ? 2 : occurrenceRanks[told.what];
}

const occurrenceRanks: Readonly<Record<OccurrenceWord, number>> = {
  detector: 1,
  person: 1,
  publication: 1,
  nack: 1,
  loss: 1,
  store: 1,
  problem: 1,
  ejected: 2,
  returned: 2,
  'plaintext-attempt': 2,
  'handshake-failure': 2,
  'undeclared-port': 2,
  'problem-solved': 2,
  certificate: 3,
  push: 3,
  ack: 3,
};
