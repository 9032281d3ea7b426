/** What every object of a cluster is known by: its place, and the revision it is of. */
import { isRecord } from '../../model/prune.ts';
import type { Item } from './answer.ts';
import { isRevision } from './revision.ts';

/** @returns nothing for what no API server would call an object. */
export function itemIdentity(raw: unknown): Item | undefined {
  const metadata = isRecord(raw) ? raw['metadata'] : undefined;
  if (!isRecord(metadata)) return undefined;
  const { name, namespace = '', resourceVersion } = metadata;
  if (typeof name !== 'string' || typeof namespace !== 'string' || !isRevision(resourceVersion)) return undefined;
  return { key: itemKey(namespace, name), resourceVersion };
}

/** @param namespace empty for what lives in none. */
export function itemKey(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
