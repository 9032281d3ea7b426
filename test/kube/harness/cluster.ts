/** Where a running cluster is found: plain data, which the set-up of the run hands to every test file. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface Cluster {
  /** Of the API server: `https://127.0.0.1:port`. */
  readonly url: string;
  /** Its own: configuration, keys, logs, and the data of etcd. */
  readonly folder: string;
  /** PEM of the authority that vouches for the API server and for people. */
  readonly authority: string;
  /** Bearer token of a member of `system:masters`. */
  readonly adminToken: string;
}

const programs = join(import.meta.dirname, '../../../.cache/kube');

export type Program = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kubectl' | 'helm';

export function programPath(name: Program): string {
  return join(programs, name);
}

/** Whether `npm run test:kube` could build them here. */
export function isKubernetesHere(): boolean {
  return (['etcd', 'kube-apiserver', 'kubectl'] as const).every((name) => existsSync(programPath(name)));
}
