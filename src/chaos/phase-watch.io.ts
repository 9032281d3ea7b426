/**
 * Looks at the steady state of one drill through one phase: each probe at its own pace, none waiting for another.
 *
 * Silence is judged by a timer of its own and not by whoever reads: a read that never ends is silence too.
 */
import type { Probe, ProbePhase } from '../model/drill.ts';
import type { ProbeMeasure, ProbeView } from './drill-engine.ts';
import type { DrillClock, DrillProbes, ProbedEdge } from './ports.ts';
import { addReading, emptyMeasure, judgeReading } from './probe-tally.ts';
import type { ProbeReadout } from './run-view.ts';

export interface PhaseWatchInput {
  readonly clock: DrillClock;
  readonly probes: DrillProbes;
  readonly phase: ProbePhase;
  readonly steadyState: readonly Probe[];
  readonly edge: ProbedEdge;
  /** The state of a probe changed; `value` is absent where it is silent. */
  changed(probe: string, state: ProbeState, value: number | undefined): void;
}

type ProbeState = Exclude<ProbeView['state'], 'waiting'>;

interface Watched {
  readonly probe: Probe;
  measure: ProbeMeasure;
  state: ProbeView['state'];
  value: number | undefined;
  cancelSilence: () => void;
  cancelRead: () => void;
}

export class PhaseWatch {
  readonly #input: PhaseWatchInput;
  readonly #watched: readonly Watched[];
  readonly #stopped = new AbortController();

  constructor(input: PhaseWatchInput) {
    this.#input = input;
    this.#watched = input.steadyState
      .filter(({ phases }) => phases.includes(input.phase))
      .map((probe) => ({
        probe,
        measure: emptyMeasure(probe, input.phase),
        state: 'waiting',
        value: undefined,
        cancelSilence: () => undefined,
        cancelRead: () => undefined,
      }));
    input.probes.watch(input.edge);
    for (const watched of this.#watched) {
      this.#listen(watched);
      this.#read(watched);
    }
  }

  get phase(): ProbePhase {
    return this.#input.phase;
  }

  measures(): readonly ProbeMeasure[] {
    return this.#watched.map(({ measure }) => measure);
  }

  /** Before the fault a single breach is too many; after it the newest answer counts. */
  failing(): readonly string[] {
    return this.#watched
      .filter(({ state, measure }) => state !== 'within' || (this.phase === 'before' && measure.breaches > 0))
      .map(({ probe }) => probe.name);
  }

  /** How each stands now. */
  readouts(): ReadonlyMap<string, ProbeReadout> {
    return new Map(this.#watched.map(({ probe, value, state }) => [probe.name, { value, state }]));
  }

  stop(): void {
    this.#stopped.abort();
    for (const { cancelSilence, cancelRead } of this.#watched) {
      cancelSilence();
      cancelRead();
    }
  }

  #listen(watched: Watched): void {
    watched.cancelSilence();
    watched.cancelSilence = this.#input.clock.setTimer(watched.probe.silenceMs, () =>
      this.#enter(watched, 'silent', undefined),
    );
  }

  /** One read at a time, cut off when the next is due and the probe has been silent for as long as it may. */
  #read(watched: Watched): void {
    const { clock, probes, edge } = this.#input;
    const { probe } = watched;
    const begunMs = clock.monotonicMs();
    const cut = new AbortController();
    let over = false;
    const next = (value: number | undefined): void => {
      if (over || this.#stopped.signal.aborted) return;
      over = true;
      cancelCut();
      cut.abort();
      if (value !== undefined && Number.isFinite(value)) this.#answered(watched, value);
      if (this.#stopped.signal.aborted) return;
      const waitMs = Math.max(0, probe.intervalMs - (clock.monotonicMs() - begunMs));
      watched.cancelRead = clock.setTimer(waitMs, () => this.#read(watched));
    };
    const cancelCut = clock.setTimer(Math.max(probe.silenceMs, probe.intervalMs), () => next(undefined));
    watched.cancelRead = () => {
      cancelCut();
      cut.abort();
    };
    (async () => probes.read(probe, edge, cut.signal))().then(next, () => next(undefined));
  }

  #answered(watched: Watched, value: number): void {
    const judgement = judgeReading(watched.probe, value);
    watched.value = value;
    watched.measure = addReading(watched.measure, value, judgement);
    this.#listen(watched);
    this.#enter(watched, judgement, value);
  }

  #enter(watched: Watched, state: ProbeState, value: number | undefined): void {
    if (watched.state === state) return;
    watched.state = state;
    this.#input.changed(watched.probe.name, state, value);
  }
}
