/**
 * Where `coffre up` keeps what it runs.
 *
 *   STATE            the control plane's: CA, workload folders, management socket
 *   STATE-worker/N   the Nth authorization worker's: last good policies, sealed
 *   STATE-worker     decisions.jsonl, of all workers
 *
 * Beside each other and not inside: each process reads its own folder whole, and the CA's must hold nothing else.
 */
import { join } from 'node:path';

/** @param state absolute. @param index from 1. */
export function workerStateFolder(state: string, index: number): string {
  return join(workersFolder(state), String(index));
}

/** One JSON line for each decision. Workers append whole lines, so that they can share it. */
export function decisionsFile(state: string): string {
  return join(workersFolder(state), 'decisions.jsonl');
}

function workersFolder(state: string): string {
  return `${state}-worker`;
}

/** Bootstrap, root and token of each workload: the control plane's own default. */
export function workloadsFolder(state: string): string {
  return join(state, 'workloads');
}
