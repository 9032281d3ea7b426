/** The Helm of the tests, with nothing of its caller's. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { programPath } from '../harness/cluster.ts';

export interface HelmSaid {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

const helmPath = programPath('helm');
/** Most output of one run, in bytes: all objects are half a megabyte. */
const outputMax = 64 * 1_024 * 1_024;
/** Longest run, in ms: against a cluster it waits for its answers. */
const runMaxMs = 100_000;

/** Whether `npm run test:kube` could build it here. */
export const isHelmHere = existsSync(helmPath);

/** @param home where it may keep what it likes. Never rejects over an exit code. */
export function runHelm(home: string, args: readonly string[]): Promise<HelmSaid> {
  const env = { ...process.env, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
  const options = { env, maxBuffer: outputMax, timeout: runMaxMs };
  return new Promise((resolve) => {
    execFile(helmPath, [...args], options, (error, out, err) => {
      resolve({ out, err, code: error === null ? 0 : Number(error.code) });
    });
  });
}
