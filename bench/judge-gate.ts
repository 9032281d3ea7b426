/** Whether measured ratios are worse than kept ones may become: pure, so that a test can hold it to account. */
import { quantile } from './bench.ts';

export interface KeptGate {
  /** By how much a ratio may exceed what was kept before it counts as worse: 0.3 is 30 %. What noise makes of it is well below. */
  readonly tolerance: number;
  /** Processor time of ours to that of the peer, by unit: less is better. */
  readonly ratios: Readonly<Record<string, number>>;
}

/**
 * @param measured ratios of each pair of rounds, by unit.
 * @returns one sentence for each unit that is worse, was not measured, or has nothing to be compared with.
 */
export function judgeGate(
  { tolerance, ratios }: KeptGate,
  measured: Readonly<Record<string, readonly number[]>>,
): readonly string[] {
  const units = new Set([...Object.keys(ratios), ...Object.keys(measured)]);
  return [...units].flatMap((unit) => {
    const [was, pairs = []] = [ratios[unit], measured[unit]];
    const is = quantile(
      [...pairs].sort((a, b) => a - b),
      0.5,
    );
    if (was === undefined) return [`\`${unit}\` has no kept ratio: run the gate once with \`--renew\` and commit it`];
    if (!Number.isFinite(is)) return [`\`${unit}\` was not measured, so nothing says that it is not worse`];
    const most = was * (1 + tolerance);
    if (is <= most) return [];
    const worse = `is ${is.toFixed(2)} times the peer's, and was ${was.toFixed(2)}; ${most.toFixed(2)} is the most that passes`;
    return [
      `\`${unit}\` ${worse}: find what became dearer by \`--profile\`, or keep the new ratio by \`--renew\` and say why`,
    ];
  });
}
