/** A cluster of one test file's own, with nothing in it: what is installed lies in no namespace, so two would meet. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { run, type Said } from '../../cli/run-command.ts';
import { isKubernetesHere } from '../harness/cluster.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';

export interface OwnCluster {
  /** From the first hook on. */
  kube(): Kube;
  /** A command of Coffre, as the admin of the cluster or as somebody else. */
  coffre(args: readonly string[], kubeconfig?: string): Promise<Said>;
  /** Values of `text` in a file. */
  fileOf(text: string): Promise<string>;
}

export function whereOwnCluster(name: string, tests: (own: OwnCluster) => void): void {
  const isHere = isKubernetesHere();
  describe.skipIf(!isHere)(isHere ? name : `${name} (no Kubernetes could be built here)`, () => {
    let cluster: RunningCluster | undefined;
    let connected: Kube | undefined;
    const kube = () => connected ?? expect.fail('the cluster has not started');
    beforeAll(async () => {
      cluster = await startKube();
      connected = connectKube(cluster);
    });
    afterAll(async () => {
      await connected?.close();
      await cluster?.stop();
    });
    tests({
      kube,
      coffre: async (args, kubeconfig) => run(...args, '--kubeconfig', kubeconfig ?? (await kube().adminKubeconfig())),
      async fileOf(text) {
        const file = join(kube().folder, 'values.yaml');
        await writeFile(file, text);
        return file;
      },
    });
  });
}
