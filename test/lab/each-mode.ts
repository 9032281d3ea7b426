/** Runs a group of tests in every kind of lab this machine has; a kind it lacks is skipped by name, with the cure. */
import { describe } from 'vitest';
import { type LabMode, labSupport } from '../../src/lab/lab-support.ts';

/** Longest test with a lab in it, in ms; each takes about a second. */
export const labTestMs = 30_000;

export function eachMode(subject: string, tests: (mode: LabMode) => void): void {
  const modes: readonly LabMode[] = ['root', 'user-namespace'];
  for (const mode of modes) {
    const support = modes.indexOf(mode) === 0 && process.getuid?.() !== 0 ? notRoot : labSupport([mode]);
    const name = mode === 'root' ? 'as root' : 'in a user namespace';
    if (support.kind === 'none')
      describe.skip(`${subject}, ${name}: ${support.why}; ${support.cure}`, () => tests(mode));
    else describe(`${subject}, ${name}`, { timeout: labTestMs }, () => tests(mode));
  }
}

const notRoot = { kind: 'none', why: 'this user is not root', cure: 'run the tests as root' } as const;
