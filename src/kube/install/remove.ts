/**
 * Takes an installation out of a cluster: what asks it first, or every pod and every object would wait for an answer that never comes.
 *
 *   webhooks ▸ admission policies ▸ … ▸ workloads ▸ … ▸ accounts       stay: definitions, Mesh, namespace with its Secrets
 */
import type { KubeObject, KubeObjects } from '../objects.ts';
import { collectionOf } from './collection-of.ts';
import { keepAnnotation } from './parts.ts';
import { nameOf, type Obstacle } from './preflight.ts';

/** What people wrote goes with the definitions; the keys of all certificates go with the namespace. */
export interface AlsoRemove {
  readonly definitions: boolean;
  readonly namespace: boolean;
}

export interface Removed {
  readonly removed: readonly KubeObject[];
  /** What could not be taken away. */
  readonly obstacles: readonly Obstacle[];
}

/** What of an installation goes, in the order in which it goes: as it came, backwards. */
export function removalOf(installed: readonly KubeObject[], also: AlsoRemove): readonly KubeObject[] {
  return installed.toReversed().filter(({ kind, metadata }) => {
    if (kind === 'CustomResourceDefinition') return also.definitions;
    if (kind === 'Namespace') return also.namespace;
    return metadata.annotations?.[keepAnnotation] !== 'keep';
  });
}

/** Goes on where one cannot be removed, but for the webhooks: while one of them stands, who answers it stays. */
export async function remove(going: readonly KubeObject[], objects: KubeObjects): Promise<Removed> {
  const removed: KubeObject[] = [];
  const obstacles: Obstacle[] = [];
  for (const object of going) {
    const outcome = await removeOne(object, objects);
    if (outcome === 'gone') continue;
    if (outcome === 'removed') removed.push(object);
    else {
      obstacles.push({ where: nameOf(object), message: outcome, advice: 'uninstall again: what was removed stays so' });
      if (object.kind?.endsWith('WebhookConfiguration')) break;
    }
  }
  return { removed, obstacles };
}

/** @returns why not, where it is neither. */
async function removeOne(object: KubeObject, objects: KubeObjects): Promise<'removed' | 'gone' | string> {
  const of = collectionOf(object);
  const { name } = object.metadata;
  const there = await objects.read(of, name);
  if (there.kind === 'missing') return 'gone';
  if (there.kind !== 'done') return there.message;
  const { uid } = there.object.metadata;
  if (uid === undefined) return 'the API server says nothing by which it could be told from another of its name';
  const outcome = await objects.remove(of, name, { uid });
  if (outcome.kind === 'done') return 'removed';
  return outcome.kind === 'missing' ? 'gone' : outcome.message;
}
