/** What stands in the way in a cluster, one line each, and the exit code that says so. */
import type { Obstacle } from '../kube/install/preflight.ts';
import { exitCode } from './exit-code.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

export function tellObstacles(obstacles: readonly Obstacle[], terminal: Terminal): void {
  for (const { where, message, advice } of obstacles)
    terminal.err(`${printable(`coffre: ${where}: ${message}; ${advice}`)}\n`);
  if (obstacles.length > 0) terminal.setExitCode(exitCode.no);
}
