/** What a reader must not take from a report: each thing that was not done, not seen or not noticed, as a sentence. */
import type { DrillRecord } from '../drill-engine.ts';
import { type Affected, idleOf } from './affected-by.ts';
import type { DrillTimes, ProxyTimes } from './drill-times.ts';
import type { Phrases } from './english.ts';
import { code, joined, type Rich } from './rich-text.ts';

/** Most proxies that one sentence names. */
const namedMax = 8;

interface Seen {
  readonly record: DrillRecord;
  readonly times: DrillTimes;
  readonly affected: readonly Affected[];
  /** Not everything that was recorded was read. */
  readonly isCut: boolean;
}

/** @returns empty where nothing falls short. */
export function shortfalls({ record, times, affected, isCut }: Seen, phrases: Phrases): readonly Rich[] {
  const { proxies } = times;
  const { shortfall } = phrases;
  const struck = record.faultAtMs > 0;
  const isOver = record.endedAtMs > 0;
  const of = (...states: readonly ProxyTimes['state'][]) => proxies.filter(({ state }) => states.includes(state));
  const [clean, expired, excluded] = [of('clean'), of('expired'), of('excluded')];
  const unseen = of('clean', 'expired').filter(({ effectiveMs }) => effectiveMs === undefined);
  const open = of('laid', 'effective', 'withdrawn');
  const differing = proxies.filter(({ differs }) => differs);
  const unanswered = record.measured.filter(({ range }) => range === undefined);
  const named = (which: readonly ProxyTimes[]): Rich => {
    const rest = which.length - namedMax;
    const names = joined(
      which.slice(0, namedMax).map(({ proxy }) => code(proxy)),
      ', ',
    );
    return rest > 0 ? [...names, ...shortfall.more(rest)] : names;
  };
  const where = (isSo: boolean, ...sentences: readonly Rich[]) => (isSo ? sentences : []);
  return [
    ...(expired.length === 0 ? [] : [shortfall.expired(clean.length, expired.length, named(expired))]),
    ...(open.length === 0 ? [] : [shortfall.open(named(open))]),
    ...differing.map(({ proxy, why }) => shortfall.differs(proxy, why)),
    ...(unseen.length === 0 || !struck ? [] : [shortfall.unseen(named(unseen))]),
    ...(excluded.length === 0 ? [] : [shortfall.excluded(named(excluded))]),
    ...unanswered.map(({ probe, phase }) => shortfall.unanswered(probe, phase)),
    ...where(isLostSight(record), shortfall.lostSight),
    ...where(struck && times.detectMs === undefined, shortfall.unnoticed(times.namesAlerts)),
    ...where(struck && isOver && times.recoverMs === undefined, shortfall.unsteady),
    ...where(struck && record.plan.control.length <= idleOf(affected), shortfall.noControl),
    ...where(struck && isOver && record.traffic.length === 0, shortfall.unreported),
    ...where(isCut, shortfall.cut),
    ...where(!struck, shortfall.neverLaid),
  ];
}

/** It found the drill unfinished before anybody had withdrawn the fault. */
function isLostSight({ timeline, faultAtMs }: DrillRecord): boolean {
  const ends = timeline.find(({ what }) => what === 'found-unfinished' || what === 'fault-withdrawn');
  return faultAtMs > 0 && ends?.what === 'found-unfinished';
}
