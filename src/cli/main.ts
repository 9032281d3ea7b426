/** The command line of Coffre: `npm run coffre -- --help`. */
import { runProgram } from './program.ts';

const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());

// `coffre … | head` reads what it wants and goes: no failure, and no stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

await runProgram(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  nowMs: () => Date.now(),
  signal: controller.signal,
});
