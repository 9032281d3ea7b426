/** The timeline of a run: what each event changed, in one sentence; an event that changed nothing is not told. */
import type { Probe } from '../model/drill.ts';
import type { TimelineEntry, TimelineWord } from './drill-engine.ts';
import { numberText } from './probe-tally.ts';
import { proxyCount } from './proxy-count.ts';
import { phaseOf, type Run } from './run.ts';
import type { RunEvent } from './run-event.ts';
import { settlementOf, verdictOf } from './verdict.ts';

export function tellPlan(event: Extract<RunEvent, { kind: 'planned' }>, atMs: number): readonly TimelineEntry[] {
  const { touches, control, excluded } = event.plan.view;
  const text = `planned by \`${event.by}\`: ${proxyCount(touches.length)} touched, ${control.length} in the control group`;
  return [
    { atMs, what: 'planned', text },
    ...excluded.map(({ proxy, why }) => ({ atMs, what: 'proxy-excluded' as const, about: proxy, text: why })),
  ];
}

/** @param before and `after` one step apart, by `event`. */
export function tellStep(before: Run, after: Run, event: RunEvent, atMs: number): readonly TimelineEntry[] {
  if (before === after) return [];
  const entry = (what: TimelineWord, text: string, about?: string): TimelineEntry =>
    about === undefined ? { atMs, what, text } : { atMs, what, about, text };
  const entries = eventEntries(before, after, event, atMs, entry);
  if (before.faultAtMs === 0 && after.faultAtMs !== 0) {
    const laid = [...after.proxies.values()].filter(({ progress }) => progress === 'laid').length;
    entries.push(entry('fault-laid', `\`${after.drill.method.kind}\` laid on ${proxyCount(laid)}, all in one turn`));
  }
  if (before.stage !== 'withdrawing' && after.stage === 'withdrawing') {
    entries.push(entry('fault-withdrawn', `withdrawn from every proxy: ${after.ending?.reason ?? ''}`));
  }
  if (before.steadyAtMs === 0 && after.steadyAtMs !== 0) {
    entries.push(entry('steady', 'every probe is within its tolerance again'));
  }
  if (before.stage !== 'over' && after.stage === 'over') entries.push(entry('ended', endText(after)));
  return entries;
}

type Entry = (what: TimelineWord, text: string, about?: string) => TimelineEntry;

function eventEntries(before: Run, after: Run, event: RunEvent, atMs: number, entry: Entry): TimelineEntry[] {
  switch (event.kind) {
    case 'planned':
    case 'looked':
    case 'measured':
    case 'tallied':
      return [];
    case 'approved':
      return [entry('approved', `approved by \`${event.by}\``)];
    case 'started':
      return [entry('started', `started by \`${event.by}\`; the steady state is observed first`)];
    case 'excluded':
    case 'refused':
      return [entry('proxy-excluded', event.why, event.proxy)];
    case 'effective':
      return changedOf(before, after, event.proxies).map((proxy) =>
        entry('proxy-effective', 'the fault was seen in its runtime', proxy),
      );
    case 'probe':
      return probeEntries(after, event, entry);
    case 'alert':
      return [entry('alert', alertText(before, event, atMs), event.name)];
    case 'abort':
      return [entry(abortWords[event.cause], event.reason)];
    case 'deadline':
      return before.stage === 'during' ? [entry('deadline', 'the fault has lasted as long as it may')] : [];
    case 'clean': {
      const proxies = event.proxies.map(({ proxy }) => proxy);
      return changedOf(before, after, proxies).flatMap((proxy) => cleanEntries(before, after, proxy, entry));
    }
    case 'expired':
      return changedOf(before, after, event.proxies)
        .filter((proxy) => isSettled(before, after, proxy))
        .map((proxy) => entry('proxy-expired', 'out of reach, and its layer has run out of time', proxy));
  }
}

const abortWords = {
  halt: 'halt',
  lever: 'lever',
  consent: 'consent-withdrawn',
  store: 'store-failed',
  restart: 'found-unfinished',
  clock: 'clock-jumped',
  watchdog: 'watchdog',
  outranked: 'outranked',
} as const satisfies Record<Extract<RunEvent, { kind: 'abort' }>['cause'], TimelineWord>;

function probeEntries({ drill }: Run, event: Extract<RunEvent, { kind: 'probe' }>, entry: Entry): TimelineEntry[] {
  if (event.state === 'within') return [];
  if (event.state === 'silent')
    return [entry('probe-silent', 'no answer for too long, which is a breach', event.probe)];
  const judged = drill.steadyState.find(({ name }) => name === event.probe);
  return [entry('probe-breach', breachText(event.value, judged?.tolerance ?? {}), event.probe)];
}

/** Such as `0.6667, below 0.99`: rounded, unless that would hide the breach. */
function breachText(value: number | undefined, { atLeast, atMost }: Probe['tolerance']): string {
  const isLow = atLeast !== undefined && value !== undefined && value < atLeast;
  const bound = isLow ? atLeast : atMost;
  if (value === undefined || bound === undefined) return 'outside its tolerance';
  const [rounded, limit] = [numberText(value), numberText(bound)];
  return `${rounded === limit ? value : rounded}, ${isLow ? 'below' : 'above'} ${limit}`;
}

/** Time to detect: from the fault until we heard of the alert. One that is older than the fault detected something else. */
function alertText({ faultAtMs }: Run, event: Extract<RunEvent, { kind: 'alert' }>, atMs: number): string {
  const { name, startsAtMs = atMs } = event;
  if (faultAtMs === 0 || startsAtMs < faultAtMs) return `\`${name}\` fires, since before the fault`;
  return `\`${name}\` fires, ${Math.max(0, atMs - faultAtMs)} ms after the fault`;
}

/** News may be of proxies of which they are none. */
function changedOf(before: Run, after: Run, proxies: readonly string[]): string[] {
  return [...new Set(proxies)].filter((proxy) => before.proxies.get(proxy) !== after.proxies.get(proxy));
}

/** Those that only told of their requests are no part of the story, unless the fault was there too. */
function isSettled(before: Run, after: Run, proxy: string): boolean {
  const [was, is] = [before.proxies.get(proxy), after.proxies.get(proxy)];
  return is?.strikes === true && was?.progress !== is.progress;
}

function cleanEntries(before: Run, after: Run, proxy: string, entry: Entry): TimelineEntry[] {
  const is = after.proxies.get(proxy);
  if (is === undefined || !isSettled(before, after, proxy)) return [];
  const seen = entry('proxy-clean', is.why === '' ? 'as it was before' : is.why, proxy);
  return (is.differs?.length ?? 0) === 0 ? [seen] : [seen, entry('proxy-differs', is.why, proxy)];
}

function endText(run: Run): string {
  const settled = settlementOf(run);
  return `${phaseOf(run)}: ${run.ending?.reason ?? ''}${settled === '' ? '' : `; ${settled}`}; the hypothesis ${verdictText[verdictOf(run)]}`;
}

const verdictText = {
  pending: 'is not judged yet',
  held: 'held',
  deviated: 'did not hold',
  unproven: 'was not put to the proof',
} as const;
