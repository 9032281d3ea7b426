/** Waits until the control plane and the workers of an installation serve; says at once where they cannot. */
import { type Asking, askUntil } from '../ask-until.ts';
import type { KubeObject, KubeObjects, Outcome } from '../objects.ts';
import { collectionOf } from './collection-of.ts';
import { meshCollection } from './parts.ts';
import { nameOf, type Obstacle } from './preflight.ts';

/** With whom, and how long, something is waited for. */
export interface Wait {
  readonly objects: KubeObjects;
  /** Aborted when the time is up, or somebody ends it. */
  readonly signal: AbortSignal;
}

/** Of a command: somebody waits at a terminal. */
export const patience: NonNullable<Asking['waits']> = {
  ...{ backoffMs: 200, backoffMaxMs: 1_000, retryAfterMaxMs: 10_000 },
};
const workloads = new Set(['StatefulSet', 'Deployment']);
/** What both obstacles have in common. */
const unasked = 'the webhooks were not written, so nothing waits for it';

/** @returns why they do not. */
export async function untilReady(
  wanted: readonly KubeObject[],
  { objects, signal }: Wait,
): Promise<Obstacle | undefined> {
  const mesh = await objects.read(meshCollection, 'default');
  if (mesh.kind === 'missing') {
    const advice = 'set `trustDomain`, or apply a Mesh named `default`, and install again';
    return { where: 'Mesh/default', message: `there is none, and without it nobody is served; ${unasked}`, advice };
  }
  for (const object of wanted.filter(({ kind = '' }) => workloads.has(kind))) {
    const outcome = await askUntil(() => objects.read(collectionOf(object), object.metadata.name), {
      ...{ isFinal: isReady, signal, waits: patience },
    });
    if (!isReady(outcome)) return notReady(object);
  }
  return undefined;
}

function isReady(outcome: Outcome): boolean {
  if (outcome.kind !== 'done') return false;
  const { metadata, ...object } = outcome.object;
  const spec = object['spec'] as { readonly replicas: number };
  const status = (object['status'] ?? {}) as {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
  };
  const { observedGeneration = 0, readyReplicas = 0, updatedReplicas = 0 } = status;
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    readyReplicas >= spec.replicas &&
    updatedReplicas >= spec.replicas
  );
}

function notReady(object: KubeObject): Obstacle {
  const name = object.metadata.name;
  return {
    where: nameOf(object),
    message: `it was not ready in time; ${unasked}`,
    advice: `see why (\`kubectl -n coffre-system describe pods -l app.kubernetes.io/name=${name}\`), and install again`,
  };
}
