/** What a reader must not take from a report: each thing that was not done, not seen or not noticed, as a sentence. */
import type { DrillRecord } from '../drill-engine.ts';
import type { DrillTimes, ProxyTimes } from './drill-times.ts';
import { code, sentence } from './markdown.ts';

/** Most proxies that one sentence names. */
const namedMax = 8;

/** @returns Markdown, one line each; empty where nothing falls short. */
export function shortfalls(record: DrillRecord, times: DrillTimes): readonly string[] {
  const { proxies } = times;
  const struck = record.faultAtMs > 0;
  const of = (...states: readonly ProxyTimes['state'][]) => proxies.filter(({ state }) => states.includes(state));
  const [clean, expired, excluded] = [of('clean'), of('expired'), of('excluded')];
  const unseen = of('clean', 'expired').filter(({ effectiveMs }) => effectiveMs === undefined);
  const open = of('laid', 'effective', 'withdrawn');
  const differing = proxies.filter(({ differs }) => differs);
  const unanswered = record.measured.filter(({ range }) => range === undefined);
  return [
    ...(expired.length === 0
      ? []
      : [
          `${clean.length} confirmed, ${expired.length} by expiry: ${named(expired)} could not be seen clean; the fault there ended with its time to live`,
        ]),
    ...(open.length === 0 ? [] : [`not known to be clean: ${named(open)}`]),
    ...differing.map(({ proxy, why }) => `${code(proxy)} is not configured as it was before: ${sentence(why)}`),
    ...(unseen.length === 0 || !struck ? [] : [`the fault was never seen in force at ${named(unseen)}`]),
    ...(excluded.length === 0 ? [] : [`left out, and so not tried: ${named(excluded)}`]),
    ...unanswered.map(({ probe, phase }) => `${code(probe)} had no answer in the phase \`${phase}\``),
    ...(isLostSight(record)
      ? [
          'the control plane stopped while the fault lay: the fault ended in each proxy with its time to live, and what was counted and measured until then is lost',
        ]
      : []),
    ...(struck && times.detectMs === undefined
      ? [`nobody noticed: no alert${times.namesAlerts ? ' that the drill names' : ''} fired after the fault was laid`]
      : []),
    ...(struck && record.endedAtMs > 0 && times.recoverMs === undefined
      ? ['the steady state was not seen to come back']
      : []),
    ...(struck && record.plan.control.length === 0
      ? ['there was no control group: what else happened at that time cannot be told from the fault']
      : []),
    ...(struck ? [] : ['the fault was never laid, so nothing was tried']),
  ];
}

/** It found the drill unfinished before anybody had withdrawn the fault. */
function isLostSight({ timeline, faultAtMs }: DrillRecord): boolean {
  const ends = timeline.find(({ what }) => what === 'found-unfinished' || what === 'fault-withdrawn');
  return faultAtMs > 0 && ends?.what === 'found-unfinished';
}

function named(proxies: readonly ProxyTimes[]): string {
  const rest = proxies.length - namedMax;
  const names = proxies.slice(0, namedMax).map(({ proxy }) => code(proxy));
  return `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
