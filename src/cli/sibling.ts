/**
 * One process that `coffre up` runs, and what a person needs to hear of it.
 *
 * The processes log JSON lines for machines. Problems that come and go, and whatever is a warning or worse, is told as a
 * sentence; the rest is left out. A line that is no JSON is the process speaking to a person already.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Longest a process may take to end after it was asked to, in ms, a worker's two seconds of goodbye among them; then it is killed. */
const stopMs = 5_000;

/** pino's number for `warn`. */
const warnLevel = 40;

export class Sibling {
  /** How it ended, in words. Never rejects. */
  readonly end: Promise<string>;
  readonly #process: ChildProcess;

  /** @param args script and flags for this same Node. @param tell gets one line for a person, without its end. */
  constructor(name: string, args: readonly string[], tell: (line: string) => void) {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        const news = newsIn(line);
        if (news !== undefined) tell(`${name}: ${news}`);
      });
    }
    this.#process = child;
    this.end = new Promise((ended) => {
      child.once('error', (error) => ended(`the ${name} could not be started: ${error.message}`));
      child.once('close', (code, signal) => ended(`the ${name} ended by itself (${signal ?? `exit code ${code}`})`));
    });
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), stopMs);
    await this.end;
    clearTimeout(timer);
  }
}

/** @returns undefined for a line that is for machines only. */
export function newsIn(line: string): string | undefined {
  const record = parse(line);
  if (record === undefined) return line.trim() === '' ? undefined : line;
  const { level, msg, problem, ...details } = record;
  if (typeof problem === 'string') return msg === 'problem solved' ? `solved: ${problem}` : problem;
  if (typeof level !== 'number' || level < warnLevel) return undefined;
  const { time: _, ...rest } = details;
  return `${String(msg)} ${JSON.stringify(rest)}`;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
