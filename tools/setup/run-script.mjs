/**
 * Hands over to Node 24: the script gets our standard streams, our signals and our exit code.
 *
 * The surprise: Node is called by path. `npm run` is one shell, and a shell remembers where it first found `node`, so
 * that after an install the older one would go on running.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { wholePath } from './facts.mjs';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

/**
 * @param {string} repo
 * @param {readonly string[]} command script and its arguments
 * @returns {Promise<number>} the exit code to leave with
 */
export function runScript(repo, command) {
  const bin = join(repo, 'node_modules/.bin');
  const path = [bin, ...wholePath().filter((folder) => folder !== bin)].join(delimiter);
  const child = spawn(join(bin, 'node'), command, { stdio: 'inherit', env: { ...process.env, PATH: path } });
  for (const signal of forwarded) {
    process.on(signal, () => {
      // A terminal sends its signals to the whole group: the script has this one already.
      const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
      if (!fromTerminal) child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}
