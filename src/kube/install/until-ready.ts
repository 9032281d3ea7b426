/** Waits until the control plane and the workers of an installation serve; says at once where they cannot. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject, KubeObjects } from '../objects.ts';
import { collectionOf } from './collection-of.ts';
import { meshCollection } from './parts.ts';
import { nameOf, type Obstacle } from './preflight.ts';

/** How long, and with whom, something is waited for. */
export interface Wait {
  readonly objects: KubeObjects;
  /** Epoch ms. */
  readonly endMs: number;
  readonly signal: AbortSignal;
}

/** Between two looks, in ms. */
export const lookMs = 500;
const workloads = new Set(['StatefulSet', 'Deployment']);
/** What both obstacles have in common. */
const unasked = 'the webhooks were not written, so nothing waits for it';

/** @returns why they do not. */
export async function untilReady(
  wanted: readonly KubeObject[],
  { objects, endMs, signal }: Wait,
): Promise<Obstacle | undefined> {
  const mesh = await objects.read(meshCollection, 'default');
  if (mesh.kind === 'missing') {
    const advice = 'set `trustDomain`, or apply a Mesh named `default`, and install again';
    return { where: 'Mesh/default', message: `there is none, and without it nobody is served; ${unasked}`, advice };
  }
  for (const object of wanted.filter(({ kind = '' }) => workloads.has(kind))) {
    for (;;) {
      const outcome = await objects.read(collectionOf(object), object.metadata.name);
      if (outcome.kind === 'done' && isReady(outcome.object)) break;
      if (signal.aborted || Date.now() > endMs) return notReady(object);
      await sleep(lookMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

function isReady({ metadata, ...object }: KubeObject): boolean {
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
