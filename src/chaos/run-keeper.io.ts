/**
 * Keeps every run going, and keeps none going too long.
 *
 *   events ──▶ run book (machine, journal) ──▶ driver (layers, looks, probes) ──▶ events …
 *
 * Nothing in here waits between a decision and its effect. Once a second it judges every running drill anew: consent,
 * house rules, clock, journal; and only a judgement that came to its end renews the watchdog, which lifts every layer by
 * itself one TTL after the last. Durations are taken from the monotonic clock. If the wall clock leaps, the drills end:
 * nobody can say any more which window of consent this is.
 */
import type { TimelineEntry } from './drill-engine.ts';
import { LayerBook } from './layer-book.ts';
import type { RunEffect } from './machine.ts';
import { gathered, type News } from './news.ts';
import { type DrillPorts, layerTtlMs } from './ports.ts';
import { formatRefusals } from './refusal.ts';
import { isActive } from './run.ts';
import type { Commit, RunBook, RunEntry } from './run-book.ts';
import { RunDriver } from './run-driver.io.ts';
import type { AbortCause, RunEvent } from './run-event.ts';
import type { LiveReadings } from './run-view.ts';
import { standingRefusals } from './standing.ts';
import { Watchdog } from './watchdog.io.ts';

/** Between two judgements of what runs, in ms. */
const tickMs = 1_000;

/** How far wall clock and monotonic clock may part between two ticks before that is a leap, in ms. */
const leapMs = 10_000;

/**
 * How long a proxy may be without a stream, in ms. What lies on it was renewed three tenths of its life before at the
 * latest, so that a proxy which is back by then still has it, and one that comes later may not, and is not given it again.
 */
const awayMs = 6_000;

/** How long news of progress may wait for more of its kind, in ms: one write for many proxies. */
const progressMs = 10;

const noReadings: LiveReadings = { probes: new Map(), overflows: undefined };

export class RunKeeper {
  readonly #ports: DrillPorts;
  readonly #book: RunBook;
  readonly #layers: LayerBook;
  readonly #watchdog: Watchdog;
  readonly #drivers = new Map<RunEntry, RunDriver>();
  /** News that may wait, by run. Bounded by the proxies of a plan. */
  readonly #progress = new Map<RunEntry, News[]>();
  /** Cancels of the waits for proxies that have no stream. */
  readonly #away = new Map<string, () => void>();
  #cancelProgress: (() => void) | undefined;
  #cancelTick: (() => void) | undefined;
  /** Wall clock less monotonic clock, at the newest tick. */
  #offsetMs = 0;
  /** On the monotonic clock. */
  #tickedAtMs = 0;
  #stopped = false;

  constructor(ports: DrillPorts, book: RunBook) {
    this.#ports = ports;
    this.#book = book;
    this.#layers = new LayerBook(ports.layers);
    this.#watchdog = new Watchdog(ports.clock, layerTtlMs, () => this.#bark());
  }

  /** What came of a run's first record. */
  begun(entry: RunEntry, commit: Commit): void {
    this.#tell(entry, entry.timeline);
    if (commit.kind === 'done') this.#perform(entry, commit.effects);
  }

  /** @returns why it could not be written; what ends is done all the same. */
  apply(entry: RunEntry, events: readonly RunEvent[]): string | undefined {
    const waiting = this.#progress.get(entry) ?? [];
    this.#progress.delete(entry);
    const wasDuring = entry.run.stage === 'during';
    const commit = this.#book.commit(entry, [...gathered(waiting), ...events], this.#ports.clock.nowMs());
    if (commit.kind === 'nothing') return undefined;
    const ended = wasDuring && entry.run.stage !== 'during';
    const tallied = ended ? this.#drivers.get(entry)?.tally() : undefined;
    this.#tell(entry, commit.told);
    this.#perform(entry, commit.effects);
    if (tallied !== undefined) this.apply(entry, [tallied]);
    if (commit.kind === 'done') return undefined;
    this.#ports.observe({ kind: 'store-failed', message: commit.message });
    if (isActive(entry.run)) this.abort(entry, 'store', `the journal cannot be written: ${commit.message}`);
    return commit.message;
  }

  /** @param by a person, where one did it. */
  abort(entry: RunEntry, cause: AbortCause, reason: string, by: string = ''): void {
    this.apply(entry, [{ kind: 'abort', cause, reason, by }]);
  }

  accepted(proxy: string, resources: readonly string[]): void {
    for (const driver of this.#drivers.values()) driver.accepted(proxy, resources);
  }

  refused(proxy: string, why: string): void {
    for (const entry of [...this.#drivers.keys()]) this.apply(entry, [{ kind: 'refused', proxy, why }]);
  }

  /** It feels the fault no more, and shall not feel it again: what ended by itself stays ended. */
  lapsed(proxy: string): void {
    // Of a process that stood still, which timer comes first is chance: it is not the proxies that gave the drill up.
    this.#barkIfLate();
    this.refused(proxy, `lost the fault by itself: for ${layerTtlMs / 1_000} s nothing reached it`);
  }

  left(proxy: string): void {
    if (this.#stopped || this.#away.has(proxy) || !this.#layers.liesOn(proxy)) return;
    const cancel = this.#ports.clock.setTimer(awayMs, () => {
      this.#away.delete(proxy);
      this.lapsed(proxy);
    });
    this.#away.set(proxy, cancel);
  }

  returned(proxy: string): void {
    this.#away.get(proxy)?.();
    this.#away.delete(proxy);
  }

  isUnderWay(): boolean {
    return this.#drivers.size > 0;
  }

  live(entry: RunEntry): LiveReadings {
    return this.#drivers.get(entry)?.live() ?? noReadings;
  }

  /** Judges every running drill as the mesh and the clock are now. */
  judge(): void {
    this.#judge(this.#ports.journal.blocked());
  }

  /** @param blocked why the journal takes no record; undefined while it does. */
  #judge(blocked: string | undefined): void {
    const nowMs = this.#ports.clock.nowMs();
    const leaptMs = this.#offset() - this.#offsetMs;
    this.#offsetMs += leaptMs;
    const snapshot = this.#ports.snapshot();
    const outranked = this.#ports.outranked();
    for (const entry of this.#book.active()) {
      const refusals = standingRefusals(snapshot, entry.run, nowMs);
      if (outranked !== undefined) this.abort(entry, 'outranked', outranked.message);
      else if (Math.abs(leaptMs) > leapMs) {
        this.abort(
          entry,
          'clock',
          `the wall clock leapt by ${Math.round(leaptMs / 1_000)} s, so no window of consent can be judged`,
        );
      } else if (blocked !== undefined) this.abort(entry, 'store', `the journal cannot be written: ${blocked}`);
      else if (refusals.length > 0) {
        const cause = snapshot?.mesh.drills.halted ? 'lever' : 'consent';
        this.abort(entry, cause, formatRefusals(refusals).message);
      }
      this.#drivers.get(entry)?.checkDeadline();
    }
  }

  /** Lifts what lies on any proxy, in this turn. */
  stop(): void {
    for (const entry of this.#book.active()) this.abort(entry, 'halt', 'the control plane stops');
    this.#stopped = true;
    this.#layers.liftAll();
    this.#watchdog.rest();
    this.#cancelTick?.();
    this.#cancelProgress?.();
    for (const cancel of this.#away.values()) cancel();
    for (const driver of this.#drivers.values()) driver.stop();
    this.#drivers.clear();
  }

  #perform(entry: RunEntry, effects: readonly RunEffect[]): void {
    if (this.#stopped || (effects.length === 0 && !this.#drivers.has(entry))) return;
    const driver = this.#driver(entry);
    try {
      driver.perform(effects);
    } catch (cause) {
      this.#ports.observe({ kind: 'stumbled', drill: entry.run.drill.key, cause });
      this.abort(entry, 'watchdog', 'what was to be done could not be done');
    }
    if (entry.run.stage === 'over') this.#drivers.delete(entry);
    if (this.#layers.isEmpty()) this.#watchdog.rest();
    else this.#watchdog.arm();
    if (this.#cancelTick === undefined && this.#drivers.size > 0) this.#begin();
  }

  #driver(entry: RunEntry): RunDriver {
    const known = this.#drivers.get(entry);
    if (known !== undefined) return known;
    const driver = new RunDriver({
      ports: this.#ports,
      layers: this.#layers,
      run: () => entry.run,
      tell: (event) => this.apply(entry, [event]),
      news: (news) => this.#later(entry, news),
    });
    this.#drivers.set(entry, driver);
    return driver;
  }

  #later(entry: RunEntry, news: News): void {
    if (this.#stopped) return;
    const waiting = this.#progress.get(entry);
    if (waiting === undefined) this.#progress.set(entry, [news]);
    else waiting.push(news);
    this.#cancelProgress ??= this.#ports.clock.setTimer(progressMs, () => {
      this.#cancelProgress = undefined;
      for (const late of [...this.#progress.keys()]) this.apply(late, []);
    });
  }

  /** Ticks only while something runs, or waits to be written. */
  #begin(): void {
    this.#offsetMs = this.#offset();
    this.#tickedAtMs = this.#ports.clock.monotonicMs();
    this.#schedule();
  }

  #schedule(): void {
    this.#cancelTick = this.#ports.clock.setTimer(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#schedule();
    const { clock } = this.#ports;
    // Frozen and thawed: by now the proxies have dropped their layers by themselves, and this timer came before the watchdog's.
    this.#barkIfLate();
    this.#tickedAtMs = clock.monotonicMs();
    try {
      this.#judge(this.#book.active().length > 0 ? this.#ports.journal.probe() : undefined);
      this.#write();
      if (!this.#layers.isEmpty()) this.#watchdog.renew();
    } catch (cause) {
      this.#ports.observe({ kind: 'stumbled', drill: '', cause });
    }
    if (this.#drivers.size > 0 || this.#book.unwritten().length > 0) return;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  /** What could not be written is written once it can, in order and once. */
  #write(): void {
    for (const entry of this.#book.unwritten()) if (this.#book.write(entry) !== undefined) return;
  }

  #barkIfLate(): void {
    if (this.#ports.clock.monotonicMs() - this.#tickedAtMs > layerTtlMs) this.#bark();
  }

  /** The layers first: whatever stands still above them, they are gone. */
  #bark(): void {
    this.#layers.liftAll();
    for (const entry of this.#book.active()) {
      this.abort(entry, 'watchdog', `nobody judged the drill for ${layerTtlMs / 1_000} s`);
    }
  }

  #tell(entry: RunEntry, told: readonly TimelineEntry[]): void {
    for (const line of told) this.#ports.observe({ kind: 'told', drill: entry.run.drill.key, entry: line });
  }

  #offset(): number {
    const { clock } = this.#ports;
    return clock.nowMs() - clock.monotonicMs();
  }
}
