/**
 * The whole course of one run, without a clock, a proxy or a disk: what happened goes in, what is to be done comes out.
 *
 *   (run, event) ──step──▶ run + effects
 *
 * Whatever changes nothing gives back the same run and no effects: events may come twice, late and in any order.
 * Promises, held under random traces: once a run ends, no effect lays its fault; every proxy on which something was laid
 * was seen clean or has run out of time before the run is over; a deadline always moves it on; what is over stays.
 */
import type { ProbePhase } from '../model/drill.ts';
import { rangeText } from './probe-tally.ts';
import { type Ending, isActive, isOwed, owing, type ProxyRun, type Run, type Stage, watchesOf } from './run.ts';
import type { RunEvent, SeenClean } from './run-event.ts';

export type RunEffect =
  /** Read each proxy's configuration, to compare with afterwards. */
  | { readonly kind: 'look'; readonly proxies: readonly string[] }
  /** Observe until the phase has lasted as long as it may; then a `deadline` is due. */
  | { readonly kind: 'measure'; readonly phase: ProbePhase }
  /** Let each proxy tell of its requests; no fault. */
  | { readonly kind: 'watch'; readonly proxies: readonly string[] }
  /** Lay the fault, on all in one turn. */
  | { readonly kind: 'lay'; readonly proxies: readonly string[] }
  /** Take away every key of the run, and look until each is clean or its time has run out. */
  | { readonly kind: 'lift'; readonly proxies: readonly string[] };

export interface Step {
  readonly run: Run;
  readonly effects: readonly RunEffect[];
}

/** Alerts that one run remembers; more are not told. */
const alertsMax = 100;

/** @param nowMs epoch ms, for the record alone: nothing is decided by it. */
export function step(run: Run, event: RunEvent, nowMs: number): Step {
  switch (event.kind) {
    case 'planned':
      return same(run);
    case 'tallied':
      return tally(run, event);
    case 'approved':
      return approve(run, event.by, nowMs);
    case 'started':
      return start(run, event.by, nowMs);
    case 'looked':
      return inStage(run, ['before'], () => {
        const looked = change(run, event.proxies, ifAwaited, () => ({ looked: true }));
        return run.heldBefore ? proceed(looked, nowMs) : same(looked);
      });
    case 'excluded':
      return inStage(run, ['before'], () => {
        const excluded = { progress: 'excluded', why: event.why } as const;
        return proceed(
          change(run, [event.proxy], ifAwaited, () => excluded),
          nowMs,
        );
      });
    case 'measured':
      return event.phase === 'before' ? measuredBefore(run, event, nowMs) : measuredAfter(run, event, nowMs);
    case 'effective':
      return inStage(run, ['during'], () =>
        same(change(run, event.proxies, isLaid, () => ({ progress: 'effective', wasEffective: true }))),
      );
    case 'refused':
      return refuse(run, event, nowMs);
    case 'probe':
      return heardProbe(run, event, nowMs);
    case 'alert':
      return heardAlert(run, event.name, nowMs);
    case 'abort':
      return abort(run, event, nowMs);
    case 'deadline':
      return deadline(run, nowMs);
    case 'clean':
      return settle(run, 'clean', event.proxies, nowMs);
    case 'expired':
      return settle(
        run,
        'expired',
        event.proxies.map((proxy) => ({ proxy })),
        nowMs,
      );
  }
}

function approve(run: Run, by: string, nowMs: number): Step {
  if (run.stage !== 'planned') return same(run);
  return same({ ...run, stage: 'approved', approvedBy: by, approvedAtMs: nowMs });
}

function start(run: Run, by: string, nowMs: number): Step {
  const { needsSecondPerson } = run.plan.view;
  const ready = run.stage === 'approved' ? run.approvedBy !== by || !needsSecondPerson : run.stage === 'planned';
  if (!ready || (needsSecondPerson && run.stage !== 'approved')) return same(run);
  const begun: Run = { ...run, stage: 'before', startedBy: by, startedAtMs: nowMs };
  const watched = watch(begun);
  const struck = [...run.proxies].filter(([, { strikes }]) => strikes).map(([key]) => key);
  return {
    run: watched.run,
    effects: [{ kind: 'look', proxies: struck }, ...watched.effects, { kind: 'measure', phase: 'before' }],
  };
}

function measuredBefore(run: Run, event: Extract<RunEvent, { kind: 'measured' }>, nowMs: number): Step {
  if (run.stage !== 'before' || run.heldBefore !== undefined) return same(run);
  const heldBefore = event.failing.length === 0;
  const measured: Run = { ...run, heldBefore, measured: [...run.measured, ...event.measures] };
  if (heldBefore) return proceed(measured, nowMs);
  const told = (name: string) => {
    const measure = event.measures.find(({ probe }) => probe === name);
    if (measure === undefined) return `\`${name}\``;
    return `\`${name}\` (${measure.range === undefined ? 'silent: it gave no answer' : rangeText(measure)})`;
  };
  return end(
    measured,
    failed(`steady state does not hold before the fault: ${event.failing.map(told).join(', ')}`),
    nowMs,
  );
}

/** The fault is laid once everything is known that is compared afterwards, and all was well. */
function proceed(run: Run, nowMs: number): Step {
  const struck = [...run.proxies].filter(([, { strikes }]) => strikes);
  const taking = struck.filter(([, { progress }]) => progress === 'planned').map(([key]) => key);
  if (taking.length === 0) return end(run, failed('no proxy can take the fault'), nowMs);
  if (!run.heldBefore || taking.some((key) => !run.proxies.get(key)?.looked)) return same(run);
  const laid = changeAll(run, taking, { progress: 'laid', owes: 'lift' });
  return {
    run: { ...laid, stage: 'during', faultAtMs: nowMs, probes: new Map() },
    effects: [
      { kind: 'lay', proxies: taking },
      { kind: 'measure', phase: 'during' },
    ],
  };
}

/** It keeps its last good configuration; whether the fault was in it before is seen when it is looked at. */
function refuse(run: Run, { proxy, why }: { proxy: string; why: string }, nowMs: number): Step {
  const takesFault = ({ strikes, progress }: ProxyRun) => strikes && (progress === 'laid' || progress === 'effective');
  if (run.stage !== 'during') return same(run);
  const refused = change(run, [proxy], takesFault, () => ({ progress: 'excluded', why }));
  if (refused === run) return same(run);
  if (![...refused.proxies.values()].some(takesFault)) {
    return end(refused, failed('no proxy is left that takes the fault'), nowMs);
  }
  return lift(refused, [proxy]);
}

function heardProbe(run: Run, { probe, state }: Extract<RunEvent, { kind: 'probe' }>, nowMs: number): Step {
  const judged = run.drill.steadyState.find(({ name }) => name === probe);
  const phase = run.stage === 'during' || run.stage === 'after' ? run.stage : undefined;
  if (judged === undefined || phase === undefined || !judged.phases.includes(phase)) return same(run);
  if (run.probes.get(probe) === state) return same(run);
  const heard: Run = { ...run, probes: new Map(run.probes).set(probe, state) };
  if (phase === 'after') return same(isSteady(heard) ? { ...heard, steadyAtMs: heard.steadyAtMs || nowMs } : heard);
  if (state === 'silent') return end(heard, aborted(`the probe \`${probe}\` is silent`), nowMs);
  if (state === 'within') return same(heard);
  const ends = run.drill.abortOn.some((condition) => condition.kind === 'probe' && condition.probe === probe);
  const breached = { ...heard, deviated: true };
  return ends ? end(breached, aborted(`the probe \`${probe}\` left its tolerance`), nowMs) : same(breached);
}

function isSteady({ drill, probes }: Run): boolean {
  const after = drill.steadyState.filter(({ phases }) => phases.includes('after'));
  return after.every(({ name }) => probes.get(name) === 'within');
}

/** One that fired before the fault was not raised by it, and still ends what may not go on beside it. */
function heardAlert(run: Run, name: string, nowMs: number): Step {
  if (!isActive(run) || run.alerts.has(name) || run.alerts.size >= alertsMax) return same(run);
  const heard: Run = { ...run, alerts: new Set(run.alerts).add(name) };
  const ends = run.drill.abortOn.some((condition) => condition.kind === 'alert' && condition.name === name);
  const running = run.stage === 'before' || run.stage === 'during';
  return ends && running ? end(heard, aborted(`the alert \`${name}\` fires`), nowMs) : same(heard);
}

function abort(run: Run, { cause, reason, by }: Extract<RunEvent, { kind: 'abort' }>, nowMs: number): Step {
  if (cause === 'restart') return restart(run, reason, nowMs);
  const quiet = run.quiet || cause !== 'halt';
  const haltedBy = run.haltedBy || by;
  switch (run.stage) {
    case 'planned':
    case 'approved':
    case 'before':
    case 'during':
      return end({ ...run, quiet, haltedBy }, aborted(reason), nowMs);
    case 'withdrawing':
      return quiet === run.quiet ? same(run) : same({ ...run, quiet });
    case 'after':
      // Consent is to be touched, and command is to touch; watching from afar needs neither.
      if ((cause === 'consent' || cause === 'outranked') && owing(run).length === 0)
        return quiet === run.quiet ? same(run) : same({ ...run, quiet });
      return finish({ ...cutShort(run, reason), quiet, haltedBy }, nowMs);
    case 'closing':
    case 'over':
      return same(run);
  }
}

/** Whatever was laid went with the process that laid it; what is left is to see it gone. */
function restart(run: Run, reason: string, nowMs: number): Step {
  if (!isActive(run)) return same(run);
  const found: Run = { ...run, quiet: true, restarts: run.restarts + 1 };
  if (run.stage === 'before' || run.stage === 'during') return end(found, aborted(reason), nowMs);
  if (run.stage === 'after') return finish(cutShort(found, reason), nowMs);
  return lift(found, owing(found));
}

/** How the fault came to its end stays as it was; how well all recovered is not known now. */
function cutShort(run: Run, reason: string): Run {
  const { kind = 'aborted', reason: before = '' } = run.ending ?? {};
  return { ...run, ending: { kind, reason: `${before}; the observation after it was cut short: ${reason}` } };
}

function deadline(run: Run, nowMs: number): Step {
  switch (run.stage) {
    case 'before':
      return end(run, failed('the observation before the fault came to no end'), nowMs);
    case 'during':
      return end(run, { kind: 'deadline', reason: 'the deadline was reached' }, nowMs);
    case 'after':
      return finish(run, nowMs);
    default:
      return same(run);
  }
}

/** Once: what is measured while a fault lasts is over with it. */
function tally(run: Run, { measures, overflows, traffic }: Extract<RunEvent, { kind: 'tallied' }>): Step {
  const isTold =
    run.overflows !== undefined || run.traffic.length > 0 || run.measured.some(({ phase }) => phase === 'during');
  const isEmpty = measures.length === 0 && overflows === undefined && traffic.length === 0;
  if (run.stage !== 'withdrawing' || isTold || isEmpty) return same(run);
  return same({ ...run, measured: [...run.measured, ...measures], overflows, traffic });
}

/** From here on nothing lays the fault. */
function end(run: Run, ending: Ending, nowMs: number): Step {
  const ended: Run = { ...run, ending };
  if (run.faultAtMs === 0) return finish(ended, nowMs);
  const struck = [...run.proxies].filter(([, { progress }]) => progress === 'laid' || progress === 'effective');
  const withdrawn = changeAll(
    ended,
    struck.map(([key]) => key),
    { progress: 'withdrawn' },
  );
  return lift({ ...withdrawn, stage: 'withdrawing' }, owing(ended));
}

function settle(run: Run, how: 'clean' | 'expired', seen: readonly SeenClean[], nowMs: number): Step {
  const differences = new Map(seen.map(({ proxy, differs }) => [proxy, differs]));
  const settled = change(run, [...differences.keys()], isLifted, (lifted, key) => ({
    owes: 'nothing',
    ...(lifted.progress === 'withdrawn' ? { progress: how } : {}),
    ...(lifted.progress === 'withdrawn' && how === 'clean' ? compared(lifted, differences.get(key)) : {}),
  }));
  if (settled === run || isOwed(settled)) return same(settled);
  if (run.stage === 'closing') return same(over(settled, nowMs));
  if (run.stage !== 'withdrawing') return same(settled);
  const watched = watch({ ...settled, stage: 'after', probes: new Map() });
  return { run: watched.run, effects: [...watched.effects, { kind: 'measure', phase: 'after' }] };
}

function compared({ why }: ProxyRun, differs: readonly string[] | undefined): Pick<ProxyRun, 'differs' | 'why'> {
  if (differs === undefined) return { differs, why: why || 'what its configuration was before is no longer known' };
  return { differs, why: differs.length === 0 ? why : `differs from before: ${quoted(differs)}` };
}

function measuredAfter(run: Run, event: Extract<RunEvent, { kind: 'measured' }>, nowMs: number): Step {
  if (run.stage !== 'after') return same(run);
  const heldAfter = event.failing.length === 0;
  const { overflows = run.overflows } = event;
  return finish({ ...run, heldAfter, measured: [...run.measured, ...event.measures], overflows }, nowMs);
}

function watch(run: Run): Step {
  const able = watchesOf(run.plan)
    .map(({ proxy }) => proxy)
    .filter((key) => canWatch(run.proxies.get(key)));
  if (run.quiet || able.length === 0) return same(run);
  return { run: changeAll(run, able, { owes: 'lift' }), effects: [{ kind: 'watch', proxies: able }] };
}

/** What was out of reach a moment ago is not touched anew. */
function canWatch(proxy: ProxyRun | undefined): boolean {
  return proxy !== undefined && proxy.progress !== 'excluded' && proxy.progress !== 'expired';
}

/** Over, or first the watching ends. */
function finish(run: Run, nowMs: number): Step {
  const proxies = owing(run);
  if (proxies.length === 0) return same(over(run, nowMs));
  return lift({ ...run, stage: 'closing' }, proxies);
}

function lift(run: Run, proxies: readonly string[]): Step {
  return { run: changeAll(run, proxies, { owes: 'look' }), effects: [{ kind: 'lift', proxies }] };
}

function over(run: Run, nowMs: number): Run {
  return { ...run, stage: 'over', endedAtMs: nowMs };
}

function ifAwaited({ strikes, looked, progress }: ProxyRun): boolean {
  return strikes && !looked && progress === 'planned';
}

function isLaid({ strikes, progress }: ProxyRun): boolean {
  return strikes && progress === 'laid';
}

function isLifted({ owes }: ProxyRun): boolean {
  return owes === 'look';
}

function inStage(run: Run, stages: readonly Stage[], then: () => Step): Step {
  return stages.includes(run.stage) ? then() : same(run);
}

/** The very same run where none of the proxies is known and meets the condition. */
function change(
  run: Run,
  keys: readonly string[],
  when: (proxy: ProxyRun) => boolean,
  to: (proxy: ProxyRun, key: string) => Partial<ProxyRun>,
): Run {
  let changed: Map<string, ProxyRun> | undefined;
  for (const key of keys) {
    const known = (changed ?? run.proxies).get(key);
    if (known === undefined || !when(known)) continue;
    changed ??= new Map(run.proxies);
    changed.set(key, { ...known, ...to(known, key) });
  }
  return changed === undefined ? run : { ...run, proxies: changed };
}

function changeAll(run: Run, keys: readonly string[], to: Partial<ProxyRun>): Run {
  return change(
    run,
    keys,
    () => true,
    () => to,
  );
}

function same(run: Run): Step {
  return { run, effects: [] };
}

function aborted(reason: string): Ending {
  return { kind: 'aborted', reason };
}

function failed(reason: string): Ending {
  return { kind: 'failed', reason };
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}
