/** The command line of Coffre: `npm run coffre -- --help`. */
import { createInterface } from 'node:readline/promises';
import { runProgram } from './program.ts';
import type { Seated } from './terminal.ts';

/** Width of a screen that says 0, as a serial line does. */
const columnsDefault = 80;

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());

// `coffre … | head` reads what it wants and goes: no failure, and no stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/** On standard error: what was asked for goes to standard output alone. */
const ask: Seated['ask'] = async (question) => {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.once('SIGINT', () => controller.abort());
  const answer = lines.question(question, { signal: controller.signal });
  return answer.catch(() => '').finally(() => lines.close());
};

const columns: Seated['columns'] = () => process.stdout.columns || columnsDefault;

await runProgram(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  nowMs: () => Date.now(),
  signal: controller.signal,
  ...(process.stdin.isTTY && process.stdout.isTTY ? { person: { ask, columns } } : {}),
});
