/**
 * Runs a program whose words nobody wants unless it fails; then its last lines are the cause in the report.
 * Its standard input is closed, so that nothing can wait for an answer, and its output never reaches our own.
 */
import { spawn } from 'node:child_process';

/** Longest time one program of the set-up may take, in ms: a cold `npm ci` over a slow line. */
const runTimeoutMs = 900_000;
/** How much of the end of the output is kept, in characters. */
const keptMax = 16_384;
/** How many of the last lines are shown. */
const shownLinesMax = 12;

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number }} options
 * @returns {Promise<{ kind: 'ok' } | { kind: 'failed', tail: string }>} never rejects
 */
export function runQuietly(program, args, { cwd, env = process.env, timeoutMs = runTimeoutMs } = {}) {
  return new Promise((resolve) => {
    let kept = '';
    const keep = (chunk) => {
      kept = (kept + chunk).slice(-keptMax);
    };
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs });
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => resolve({ kind: 'failed', tail: error.message }));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve({ kind: 'ok' });
      const lines = kept.trimEnd().split('\n').slice(-shownLinesMax);
      resolve({ kind: 'failed', tail: [...lines, `(${program} ended with ${signal ?? `code ${code}`})`].join('\n') });
    });
  });
}
