/** One JSON line per case and variant, added to the file that COFFRE_CONFORMANCE_RESULTS names. */
import { appendFileSync } from 'node:fs';
import { resultsFile } from './settings.ts';

export type Verdict = 'pass' | 'fail' | 'not tried';

export interface Result {
  readonly case: string;
  readonly sentence: string;
  /** `ADS`, or the service of one type. */
  readonly variant: string;
  readonly protocol: 'sotw' | 'delta';
  /** Empty where the case is about more than one. */
  readonly type: string;
  readonly verdict: Verdict;
  readonly rounds: number;
  /** All rounds together. */
  readonly ms: number;
  readonly note: string;
}

export function record(result: Result): void {
  if (resultsFile !== undefined) appendFileSync(resultsFile, `${JSON.stringify(result)}\n`);
}
