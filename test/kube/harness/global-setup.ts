/** One cluster for the whole run, started before the first test file, or none where none could be built. */
import type { TestProject } from 'vitest/node';
import { type Cluster, isKubernetesHere } from './cluster.ts';
import { installDefinitions } from './install-definitions.ts';
import { connectKube } from './kube.ts';
import { startKube } from './start-kube.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `null` where this machine has no Kubernetes. */
    readonly cluster: Cluster | null;
  }
}

export default async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!isKubernetesHere()) {
    console.error('no Kubernetes was built here (npm run test:kube says why): its tests are skipped');
    provide('cluster', null);
    return undefined;
  }
  const { stop, restart: _notForAll, without: _norThis, ...cluster } = await startKube();
  const kube = connectKube(cluster);
  await installDefinitions(kube);
  await kube.close();
  provide('cluster', cluster);
  return stop;
}
