/**
 * What can be counted in a drill's record: when each proxy felt the fault and when it was clean, who noticed, how long
 * recovery took. Everything is read from the timeline; what it does not say is undefined, and never 0.
 */
import type { DrillRecord, ProxyProgress, TimelineEntry, TimelineWord } from '../drill-engine.ts';

export interface DrillTimes {
  /** From the fault, in ms: until it was withdrawn. */
  readonly faultMs: number | undefined;
  /** From the fault, in ms: until an alert fired; of those that the drill names, if it names any. */
  readonly detectMs: number | undefined;
  readonly detectedBy: string;
  /** Whether only the alerts that the drill names count as noticing. */
  readonly namesAlerts: boolean;
  /** What ended the fault, and from there in ms: until the last proxy was seen clean. */
  readonly trigger: TimelineEntry | undefined;
  readonly stopMs: number | undefined;
  /** From the withdrawal, in ms: until every probe was within its tolerance. */
  readonly recoverMs: number | undefined;
  readonly proxies: readonly ProxyTimes[];
}

export interface ProxyTimes extends ProxyProgress {
  /** From the fault, in ms. */
  readonly effectiveMs: number | undefined;
  /** From the withdrawal, in ms: until it was seen clean, or had to be by expiry. */
  readonly cleanMs: number | undefined;
  readonly differs: boolean;
}

const triggers: ReadonlySet<TimelineWord> = new Set<TimelineWord>([
  'probe-breach',
  'probe-silent',
  'alert',
  'halt',
  'lever',
  'consent-withdrawn',
  'deadline',
  'found-unfinished',
  'store-failed',
  'clock-jumped',
  'watchdog',
  'outranked',
]);

export function drillTimes({ timeline, proxies, definition }: DrillRecord): DrillTimes {
  const named = new Set(definition.abortOn.flatMap((each) => (each.kind === 'alert' ? [each.name] : [])));
  const notices = ({ what, about = '' }: TimelineEntry) => what === 'alert' && (named.size === 0 || named.has(about));
  const laidMs = timeline.find(({ what }) => what === 'fault-laid')?.atMs;
  const since = (fromMs: number | undefined, entry: TimelineEntry | undefined) =>
    fromMs === undefined || entry === undefined ? undefined : entry.atMs - fromMs;
  const afterFault = timeline.filter(({ atMs }) => laidMs !== undefined && atMs >= laidMs);
  const withdrawn = afterFault.find(({ what }) => what === 'fault-withdrawn');
  const alert = afterFault.find(notices);
  const trigger = afterFault.findLast(
    ({ what, atMs }) => triggers.has(what) && atMs <= (withdrawn?.atMs ?? Number.POSITIVE_INFINITY),
  );
  const cleaned = afterFault.findLast(({ what }) => what === 'proxy-clean');
  // Steadiness before the withdrawal is that of a fault which was borne.
  const steady = afterFault.find(
    ({ what, atMs }) => what === 'steady' && withdrawn !== undefined && atMs >= withdrawn.atMs,
  );
  const about = new Map<string, TimelineEntry>();
  for (const entry of timeline) if (entry.about !== undefined) about.set(`${entry.what} ${entry.about}`, entry);
  return {
    faultMs: since(laidMs, withdrawn),
    detectMs: since(laidMs, alert),
    detectedBy: alert?.about ?? '',
    namesAlerts: named.size > 0,
    trigger,
    stopMs: since(trigger?.atMs, cleaned),
    recoverMs: since(withdrawn?.atMs, steady),
    proxies: proxies.map((progress) => {
      const { proxy } = progress;
      const gone = about.get(`proxy-clean ${proxy}`) ?? about.get(`proxy-expired ${proxy}`);
      return {
        ...progress,
        effectiveMs: since(laidMs, about.get(`proxy-effective ${proxy}`)),
        cleanMs: since(withdrawn?.atMs, gone),
        differs: about.has(`proxy-differs ${proxy}`),
      };
    }),
  };
}
