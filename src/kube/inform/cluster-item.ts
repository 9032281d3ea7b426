/** One object of a cluster: what is read of it, and no more. Of the bytes that came nothing is kept. */
import { apiVersionOf, kinds } from '../../model/kinds/catalogue.ts';
import { isRecord } from '../../model/prune.ts';
import { type ReadObject, readObject } from '../../model/read-object.ts';
import type { Item } from './answer.ts';
import { itemIdentity } from './item-identity.ts';
import type { Resource } from './resource.ts';

export interface ClusterItem extends Item {
  readonly read: ReadObject;
}

/**
 * @param raw parsed from an answer, of any shape; of Kubernetes' own kinds a list leaves out what kind they are.
 * @returns nothing for what no API server would call an object.
 */
export function readClusterItem({ kind }: Resource, raw: unknown): ClusterItem | undefined {
  const identity = itemIdentity(raw);
  if (identity === undefined || !isRecord(raw)) return undefined;
  // Nulls stay: what an API server lets pass with one, a folder refuses, and so does whoever reads it here.
  const typed = { ...raw, apiVersion: apiVersionOf(kinds[kind]), kind };
  return { ...identity, read: readObject(typed, { file: `${kind}/${identity.key}`, line: 1 }) };
}
