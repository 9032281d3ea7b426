/**
 * All runs, as the journal tells them: what is not written down has not happened, and no fault is laid on its word.
 *
 *   events ──step──▶ new run ──▶ journal ──▶ adopted, effects given out
 *
 * A record that cannot be written keeps back what begins or lays something. What winds down goes on all the same, in memory, and is
 * written when there is room again, in order: an end may be forgotten by a disk, never waited for.
 */

import type { TimelineEntry } from './drill-engine.ts';
import type { Journal, JournalRecord } from './journal.ts';
import { type RunEffect, step } from './machine.ts';
import { isActive, planRun, type Run } from './run.ts';
import type { RunEvent } from './run-event.ts';
import { tellPlan, tellStep } from './tell-run.ts';

/** Runs that are shown; older ones stay in the journal. */
const runsMax = 200;

/** Entries of one timeline; what comes after is in the journal only. Two thousand proxies make eight thousand. */
const timelineMax = 20_000;

/** One run and its story. */
export interface RunEntry {
  run: Run;
  readonly timeline: TimelineEntry[];
  /** Bodies that the journal could not take yet, oldest first. */
  readonly unwritten: string[];
}

export type Commit =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'done'; readonly effects: readonly RunEffect[]; readonly told: readonly TimelineEntry[] }
  /** Adopted where it begins and lays nothing, dropped otherwise. */
  | {
      readonly kind: 'unwritten';
      readonly effects: readonly RunEffect[];
      readonly told: readonly TimelineEntry[];
      readonly message: string;
    };

type PlannedEvent = Extract<RunEvent, { kind: 'planned' }>;

interface Body {
  readonly atMs: number;
  readonly events: readonly RunEvent[];
}

export class RunBook {
  readonly #journal: Journal;
  /** Oldest first. */
  #entries: RunEntry[] = [];
  /** Newest sequence of each stream. */
  readonly #heads = new Map<string, number>();
  /** Number of the newest run that was started, by drill: a run whose record is no longer shown is not run again. */
  readonly #started = new Map<string, number>();

  constructor(journal: Journal, records: readonly JournalRecord[]) {
    this.#journal = journal;
    for (const { stream, sequence, body } of records) {
      this.#heads.set(stream, sequence);
      this.#read(stream, JSON.parse(body));
    }
    this.#trim();
  }

  /** Newest first. */
  all(): readonly RunEntry[] {
    return [...this.#entries].reverse();
  }

  active(): readonly RunEntry[] {
    return this.#entries.filter(({ run }) => isActive(run));
  }

  newest(drill: string): RunEntry | undefined {
    return this.#entries.findLast(({ run }) => run.drill.key === drill);
  }

  /** Which run the next of this drill would be. An approval that never became a run does not count. */
  nextNumber(drill: string): number {
    return (this.#started.get(drill) ?? 0) + 1;
  }

  /** A new run: written whole, or not at all. */
  begin(planned: PlannedEvent, events: readonly RunEvent[], nowMs: number): { entry: RunEntry; commit: Commit } {
    const entry: RunEntry = { run: planRun(planned), timeline: [...tellPlan(planned, nowMs)], unwritten: [] };
    const commit = this.#commit(entry, events, nowMs, planned);
    if (commit.kind === 'done') this.#entries.push(entry);
    this.#trim();
    return { entry, commit };
  }

  commit(entry: RunEntry, events: readonly RunEvent[], nowMs: number): Commit {
    return this.#commit(entry, events, nowMs, undefined);
  }

  /** Tries again what the journal would not take. @returns why it will not now; undefined once all is written. */
  write(entry: RunEntry): string | undefined {
    const stream = entry.run.drill.key;
    for (let body = entry.unwritten[0]; body !== undefined; body = entry.unwritten[0]) {
      const trouble = this.append(stream, body);
      if (trouble !== undefined) return trouble;
      entry.unwritten.shift();
    }
    return undefined;
  }

  /** @returns why it could not be written; undefined if it was. */
  append(stream: string, body: string): string | undefined {
    const answer = this.#journal.append(stream, this.#heads.get(stream) ?? 0, body);
    if (answer.kind !== 'appended') return answer.message;
    this.#heads.set(stream, answer.sequence);
    return undefined;
  }

  unwritten(): readonly RunEntry[] {
    return this.#entries.filter((entry) => entry.unwritten.length > 0);
  }

  /** @param planned of a run that is not in the book yet. */
  #commit(entry: RunEntry, events: readonly RunEvent[], nowMs: number, planned: PlannedEvent | undefined): Commit {
    let { run } = entry;
    const effects: RunEffect[] = [];
    const told: TimelineEntry[] = [];
    const applied: RunEvent[] = planned === undefined ? [] : [planned];
    for (const event of events) {
      const next = step(run, event, nowMs);
      if (next.run === run) continue;
      told.push(...tellStep(run, next.run, event, nowMs));
      effects.push(...next.effects);
      applied.push(event);
      run = next.run;
    }
    if (run === entry.run) return { kind: 'nothing' };
    const body: Body = { atMs: nowMs, events: applied };
    entry.unwritten.push(JSON.stringify(body));
    const message = this.write(entry);
    if (message !== undefined && (planned !== undefined || effects.some(begins))) {
      entry.unwritten.pop();
      return { kind: 'unwritten', effects: [], told: [], message };
    }
    this.#adopt(entry, run, told);
    return message === undefined ? { kind: 'done', effects, told } : { kind: 'unwritten', effects, told, message };
  }

  #adopt(entry: RunEntry, run: Run, told: readonly TimelineEntry[]): void {
    entry.run = run;
    entry.timeline.push(...told.slice(0, timelineMax - entry.timeline.length));
    if (run.startedAtMs !== 0) this.#started.set(run.drill.key, run.number);
  }

  #read(stream: string, body: Body | object): void {
    if (!('events' in body)) return;
    const [first, ...rest] = body.events;
    if (first?.kind === 'planned') {
      this.#entries.push({ run: planRun(first), timeline: [...tellPlan(first, body.atMs)], unwritten: [] });
    }
    const entry = this.newest(stream);
    if (entry === undefined) return;
    for (const event of first?.kind === 'planned' ? rest : body.events) {
      const { run } = step(entry.run, event, body.atMs);
      this.#adopt(entry, run, tellStep(entry.run, run, event, body.atMs));
    }
  }

  #trim(): void {
    const over = this.#entries.filter(({ run, unwritten }) => run.stage === 'over' && unwritten.length === 0);
    const dropped = new Set(over.slice(0, Math.max(0, this.#entries.length - runsMax)));
    this.#entries = this.#entries.filter((entry) => !dropped.has(entry));
  }
}

function begins({ kind }: RunEffect): boolean {
  return kind === 'look' || kind === 'watch' || kind === 'lay';
}
