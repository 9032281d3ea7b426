/** Whether a mesh is so new that nobody of it has done anything: its root, the first that is made and never taken away, is not there. */
import type { KubeClient } from '../kube-client.ts';
import { KubeObjects } from '../objects.ts';
import { secretName, secrets } from './state-secret.ts';

/** @returns false where that is not known. */
export async function isNewMesh(client: Pick<KubeClient, 'send'>, signal: AbortSignal): Promise<boolean> {
  const { kind } = await new KubeObjects(client, signal).read(secrets, secretName('root'));
  return kind === 'missing';
}
