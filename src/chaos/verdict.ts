/** What a run has shown of its hypothesis, and how far its end was seen. */
import type { DrillView } from './drill-engine.ts';
import type { Run } from './run.ts';

/**
 * `held`: every proxy that was to feel the fault did, to the end, within tolerance, and all was as before afterwards.
 * `deviated`: a probe said otherwise, while the fault lasted or after it. `unproven`: neither was shown.
 */
export function verdictOf(run: Run): DrillView['verdict'] {
  if (run.stage !== 'over') return 'pending';
  if (run.deviated || run.heldAfter === false) return 'deviated';
  // One that was left out afterwards, as it lost the fault halfway, was to feel it to the end.
  const struck = [...run.proxies.values()].filter(
    ({ strikes, progress, wasEffective }) => strikes && (progress !== 'excluded' || wasEffective),
  );
  const whole = struck.length > 0 && struck.every(({ wasEffective, differs }) => wasEffective && differs?.length === 0);
  return run.ending?.kind === 'deadline' && run.heldAfter === true && whole ? 'held' : 'unproven';
}

/** @returns such as `17 confirmed, 3 by expiry`, and who is still awaited; empty where no fault was laid. */
export function settlementOf({ proxies, faultAtMs, stage }: Run): string {
  if (faultAtMs === 0 || stage === 'during') return '';
  const touched = [...proxies.values()].filter(({ strikes, progress }) => strikes && progress !== 'excluded');
  const counted = (progress: string) => touched.filter((proxy) => proxy.progress === progress).length;
  const awaited = counted('withdrawn');
  return [
    `${counted('clean')} confirmed`,
    ...(counted('expired') === 0 ? [] : [`${counted('expired')} by expiry`]),
    ...(awaited === 0 ? [] : [`${awaited} awaited`]),
  ].join(', ');
}
