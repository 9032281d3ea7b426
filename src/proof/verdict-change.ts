/** What became of one call between two meshes; an unknown is never taken for an allow, nor for a deny. */
import type { Verdict } from './replay.ts';

export type VerdictChange =
  | 'same'
  | 'newly-denied'
  | 'newly-allowed'
  /** It may be let in where it was not: one side is unknown, and the other does not rule it out. */
  | 'may-be-allowed'
  | 'may-be-denied'
  /** Unknown on both sides, by different rules. */
  | 'may-be-either';

export function verdictChange(before: Verdict, after: Verdict): VerdictChange {
  if (before.kind === 'unknown' && after.kind === 'unknown') {
    return before.residue === after.residue ? 'same' : 'may-be-either';
  }
  const [was, is] = [passes(before), passes(after)];
  if (was === is) return 'same';
  if (was === undefined) return is === true ? 'may-be-allowed' : 'may-be-denied';
  if (is === undefined) return was ? 'may-be-denied' : 'may-be-allowed';
  return is ? 'newly-allowed' : 'newly-denied';
}

/** @returns undefined where it is unknown. */
export function passes({ kind }: Verdict): boolean | undefined {
  return kind === 'unknown' ? undefined : kind === 'allow';
}
