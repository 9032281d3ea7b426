/** The command line itself, run by a check where the control plane runs, and printed for the reader. */
import { fileURLToPath } from 'node:url';
import type { RunResult } from '../lab.ts';
import { hostPlace } from '../protocol.ts';
import { inPod } from './command.ts';
import type { DemoContext } from './demo-context.ts';

export function coffreLine(argv: readonly string[]): string {
  return `npm run -s coffre -- ${argv.join(' ')}`;
}

/** However it ends: some commands answer a question by their exit code. */
export async function askCoffre(context: DemoContext, argv: readonly string[]): Promise<RunResult> {
  const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  return context.exec({ ...inPod(hostPlace, process.execPath, main, ...argv), unconfined: true });
}

/** @throws where it fails. @returns what it said. */
export async function coffre(context: DemoContext, argv: readonly string[]): Promise<string> {
  const done = await askCoffre(context, argv);
  if (done.code !== 0) throw new Error(`\`coffre ${argv[0]}\` failed: ${done.stderr.trim()}`);
  return done.stdout;
}
