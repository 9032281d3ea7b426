/** All objects of a kind, together: for a command that looks once. */
import type { KubeClient } from '../kube-client.ts';
import { listPages } from '../list-pages.ts';
import type { KubeObject } from '../objects.ts';

/** @param path of the collection, such as `/api/v1/pods`. @returns the API server's status where it gives no list. */
export async function listObjects(
  client: Pick<KubeClient, 'get'>,
  path: string,
  signal: AbortSignal,
): Promise<readonly KubeObject[] | number> {
  const objects: KubeObject[] = [];
  for await (const page of listPages(client, path, signal)) {
    if (typeof page === 'number') return page;
    objects.push(...page);
  }
  return objects;
}
