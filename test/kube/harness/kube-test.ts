/** How a test file gets the run's cluster: `whereKube('…', (kube) => …)`, skipped by name where there is none. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, inject } from 'vitest';
import type { Cluster } from './cluster.ts';
import { connectKube, type Kube } from './kube.ts';

/** How much of the API server's log is shown with a test that failed, in characters. */
const shownMax = 4_096;

/** Nobody asks there: its tests are only named. */
const nowhere: Cluster = { url: 'https://127.0.0.1:1', folder: '', authority: '', adminToken: '' };

export function whereKube(name: string, tests: (kube: Kube) => void): void {
  const cluster = inject('cluster');
  const kube = connectKube(cluster ?? nowhere);
  const log = join(kube.folder, 'kube-apiserver.log');
  describe.skipIf(cluster === null)(cluster === null ? `${name} (no Kubernetes could be built here)` : name, () => {
    afterEach(({ task }) => {
      if (task.result?.state !== 'fail') return;
      console.error(`the API server's last words:\n${readFileSync(log, 'utf8').slice(-shownMax)}`);
    });
    afterAll(() => kube.close());
    tests(kube);
  });
}
