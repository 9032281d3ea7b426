/** Runs a group of tests in the lab this machine has, whichever it is; without one it is skipped by name, with the cure. */
import { describe } from 'vitest';
import { labSupport } from '../../../src/lab/lab-support.ts';

export function inLab(subject: string, tests: () => void): void {
  const support = labSupport();
  if (support.kind === 'none') describe.skip(`${subject}: ${support.why}; ${support.cure}`, tests);
  else describe(subject, tests);
}
