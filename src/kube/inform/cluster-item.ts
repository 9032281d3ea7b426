/** One object of a cluster: what is read of it, and no more. Of the bytes that came nothing is kept. */
import { apiVersionOf, kinds } from '../../model/kinds/catalogue.ts';
import { isRecord } from '../../model/prune.ts';
import { type ReadObject, readObject } from '../../model/read-object.ts';
import type { Item } from './answer.ts';
import type { Resource } from './resource.ts';
import { isRevision } from './revision.ts';

export interface ClusterItem extends Item {
  readonly read: ReadObject;
}

/**
 * @param raw parsed from an answer, of any shape; of Kubernetes' own kinds a list leaves out what kind they are.
 * @returns nothing for what no API server would call an object.
 */
export function readClusterItem({ kind }: Resource, raw: unknown): ClusterItem | undefined {
  const metadata = isRecord(raw) ? raw['metadata'] : undefined;
  if (!isRecord(raw) || !isRecord(metadata)) return undefined;
  const { name, namespace = '', resourceVersion } = metadata;
  if (typeof name !== 'string' || typeof namespace !== 'string' || !isRevision(resourceVersion)) return undefined;
  const place = namespace === '' ? name : `${namespace}/${name}`;
  // Nulls stay: what an API server lets pass with one, a folder refuses, and so does whoever reads it here.
  const typed = { ...raw, apiVersion: apiVersionOf(kinds[kind]), kind };
  return { key: place, resourceVersion, read: readObject(typed, { file: `${kind}/${place}`, line: 1 }) };
}
