/**
 * Takes an installation out of a cluster: what asks it first, or every pod and every object would wait for an answer that never comes.
 *
 *   webhooks ▸ rights ▸ admission policies ▸ … ▸ workloads ▸ … ▸ accounts ▸ policies again ▸ definitions
 *
 * What stays unless it is asked for: definitions, Mesh, namespace with its Secrets.
 * The surprise is the leader, which lives until its pods have ended and writes back what is taken away of what it keeps. So its
 * rights go before the policies: one that stood without the definition of its parameter would refuse every pod of the cluster.
 */
import type { KubeObject, KubeObjects } from '../objects.ts';
import { collectionOf } from './collection-of.ts';
import { keepAnnotation } from './parts.ts';
import { nameOf, type Obstacle } from './preflight.ts';
import { untilPowerless } from './until-powerless.ts';

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

/** What of an installation goes, in the order in which it goes: as it came, backwards, but for what must not be kept or written back. */
export function removalOf(installed: readonly KubeObject[], also: AlsoRemove): readonly KubeObject[] {
  const going = installed.toReversed().filter(({ kind, metadata }) => {
    if (kind === 'CustomResourceDefinition') return also.definitions;
    if (kind === 'Namespace') return also.namespace;
    return metadata.annotations?.[keepAnnotation] !== 'keep';
  });
  const { askers = [], rights = [], policies = [], rest = [], definitions = [] } = Object.groupBy(going, stepOf);
  // Of several API servers one may have heard late that the rights are gone.
  return [...askers, ...rights, ...policies, ...rest, ...policies, ...definitions];
}

/**
 * Goes on where one cannot be removed, but for what the rest must outlive: who answers a webhook, what a policy reads.
 * @param signal ends what is waited for.
 */
export async function remove(
  going: readonly KubeObject[],
  objects: KubeObjects,
  signal: AbortSignal,
): Promise<Removed> {
  const removed: KubeObject[] = [];
  const obstacles: Obstacle[] = [];
  for (const object of going) {
    const outcome = await removeOne(object, objects);
    if (outcome === 'removed') removed.push(object);
    const isDone = outcome === 'removed' || outcome === 'gone';
    const trouble = isDone ? await afterwards(object, objects, signal) : outcome;
    if (trouble === undefined) continue;
    obstacles.push({ where: nameOf(object), message: trouble, advice: 'uninstall again: what was removed stays so' });
    if (stepOf(object) !== 'rest') break;
  }
  return { removed, obstacles };
}

function stepOf({ kind = '' }: KubeObject): 'askers' | 'rights' | 'policies' | 'rest' | 'definitions' {
  if (kind.endsWith('WebhookConfiguration')) return 'askers';
  if (kind.endsWith('RoleBinding')) return 'rights';
  if (kind.startsWith('ValidatingAdmissionPolicy')) return 'policies';
  return kind === 'CustomResourceDefinition' ? 'definitions' : 'rest';
}

/** @returns why the next must not go yet. */
async function afterwards(
  { kind }: KubeObject,
  objects: KubeObjects,
  signal: AbortSignal,
): Promise<string | undefined> {
  return kind === 'ClusterRoleBinding' ? untilPowerless(objects, signal) : undefined;
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
