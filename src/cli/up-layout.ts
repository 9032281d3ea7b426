/**
 * Where `coffre up` keeps what it runs.
 *
 *   STATE            the control plane's: CA, workload folders, management socket
 *   STATE-worker     the authorization worker's: last good policies, sealed; decisions.jsonl
 *
 * Beside each other and not inside: each process reads its own folder whole, and the CA's must hold nothing else.
 */
import { join } from 'node:path';

/** @param state absolute. */
export function workerStateFolder(state: string): string {
  return `${state}-worker`;
}

/** One JSON line for each decision. */
export function decisionsFile(state: string): string {
  return join(workerStateFolder(state), 'decisions.jsonl');
}

/** Bootstrap, root and token of each workload: the control plane's own default. */
export function workloadsFolder(state: string): string {
  return join(state, 'workloads');
}
