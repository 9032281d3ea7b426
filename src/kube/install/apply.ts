/**
 * Brings what an installation consists of into a cluster, in its order, and says what came of each object.
 *
 *   preflight ──▶ apply, one after the other ──▶ wait until the control plane serves ──▶ apply what asks it
 *
 * The webhooks refuse every pod that nobody judges, so they are not written before there is somebody to judge, and taken away
 * again where an API server does not get through to them. Each step can be taken again: whatever was left half done is done by
 * the same command.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import { askUntil } from '../ask-until.ts';
import { rootFile } from '../inject/mesh-config-map.ts';
import { meshConfigMapName } from '../inject/names.ts';
import type { KubeObject, KubeObjects, Outcome } from '../objects.ts';
import { collectionOf } from './collection-of.ts';
import { nameOf, type Obstacle, preflight } from './preflight.ts';
import { untilHeard } from './until-heard.ts';
import { patience, untilReady, type Wait } from './until-ready.ts';

/** Under this name fields are the installation's. What the control plane writes into the same objects stays. */
export const installManager = 'coffre-install';

export interface Applied {
  readonly object: KubeObject;
  readonly how: 'made' | 'changed' | 'as it was';
}

export interface Installed {
  readonly applied: readonly Applied[];
  /** Empty where all is well. What is in `applied` stands all the same. */
  readonly obstacles: readonly Obstacle[];
}

export interface ApplyOptions {
  /** As the API server says at `/version`. */
  readonly version: { readonly major: string; readonly minor: string };
  /** Longest wait until the workloads are ready, in ms; 0 to wait for nothing. */
  readonly readyMaxMs: number;
  readonly signal: AbortSignal;
  /** Told of each object as it is done. */
  observe(applied: Applied): void;
}

/** Longest wait for one object to be taken, in ms: a new kind is not known at once, and an API server may be busy. */
const takenMaxMs = 60_000;

export async function apply(
  wanted: readonly KubeObject[],
  objects: KubeObjects,
  { version, readyMaxMs, signal, observe }: ApplyOptions,
): Promise<Installed> {
  const { obstacles, standing } = await preflight(wanted, version, objects);
  if (obstacles.length > 0) return { applied: [], obstacles };
  const applied: Applied[] = [];
  const applyEach = async (some: readonly KubeObject[]): Promise<Obstacle | undefined> => {
    for (const object of some) {
      const outcome = await settle(isAsker(object) ? await vouchedFor(object, objects) : object, objects, signal);
      if (outcome.kind !== 'done') return obstacleOf(object, outcome);
      const one = { object, how: howOf(standing.get(object), outcome.object) } as const;
      applied.push(one);
      observe(one);
    }
    return undefined;
  };
  const wait: Wait = { objects, signal: AbortSignal.any([signal, AbortSignal.timeout(readyMaxMs)]) };
  const isPatient = readyMaxMs > 0;
  const stopped =
    (await applyEach(wanted.filter((object) => !isAsker(object)))) ??
    (isPatient ? await untilReady(wanted, wait) : undefined) ??
    (await applyEach(wanted.filter(isAsker))) ??
    (isPatient ? await untilHeard(wanted.filter(isAsker), standing, wait) : undefined);
  return { applied, obstacles: stopped === undefined ? [] : [stopped] };
}

function howOf(before: KubeObject | undefined, after: KubeObject): Applied['how'] {
  if (before === undefined) return 'made';
  return before.metadata.resourceVersion === after.metadata.resourceVersion ? 'as it was' : 'changed';
}

function isAsker({ kind }: KubeObject): boolean {
  return kind === 'MutatingWebhookConfiguration' || kind === 'ValidatingWebhookConfiguration';
}

/** By the mesh's root, which the control plane writes down before it is ready; later it keeps the two in step itself. */
async function vouchedFor(object: KubeObject, objects: KubeObjects): Promise<KubeObject> {
  const of = { group: '', version: 'v1', plural: 'configmaps', namespace: systemNamespace };
  const outcome = await objects.read(of, meshConfigMapName);
  const data = outcome.kind === 'done' ? outcome.object['data'] : undefined;
  const { [rootFile]: rootPem } = (data ?? {}) as Readonly<Record<string, string>>;
  if (rootPem === undefined) return object;
  const caBundle = Buffer.from(rootPem).toString('base64');
  const webhooks = object['webhooks'] as readonly { readonly clientConfig: object }[];
  return {
    ...object,
    webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } })),
  };
}

/** Applies until it is taken: a definition also until its kind is served. */
async function settle(object: KubeObject, objects: KubeObjects, signal: AbortSignal): Promise<Outcome> {
  const isTaken = (outcome: Outcome) =>
    outcome.kind === 'done' && (object.kind !== 'CustomResourceDefinition' || isEstablished(outcome.object));
  return askUntil(() => objects.apply(collectionOf(object), object), {
    isFinal: (outcome) => isTaken(outcome) || outcome.kind === 'refused' || outcome.kind === 'conflict',
    signal: AbortSignal.any([signal, AbortSignal.timeout(takenMaxMs)]),
    waits: patience,
  });
}

function isEstablished(definition: KubeObject): boolean {
  // Of one that was just made they are null.
  const { conditions } = (definition['status'] ?? {}) as {
    readonly conditions?: readonly { type: string; status: string }[] | null;
  };
  return (conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}

function obstacleOf(object: KubeObject, outcome: Exclude<Outcome, { kind: 'done' }>): Obstacle {
  const where = nameOf(object);
  if (outcome.kind === 'missing') {
    return {
      where,
      message: 'the API server does not know its kind',
      advice: 'look at the definitions, and install again',
    };
  }
  const { message } = outcome;
  const isFixed = outcome.kind === 'refused' && outcome.status === 422 && object.kind === 'StatefulSet';
  if (isFixed) {
    const advice =
      'what a StatefulSet’s volumes are cannot be changed in place: `kubectl -n coffre-system delete statefulset coffre --cascade=orphan` leaves its pods running, then install again';
    return { where, message, advice };
  }
  const advice =
    outcome.kind === 'refused'
      ? 'mend what it says, and install again: what was done stands'
      : 'install again: what was done stands';
  return { where, message, advice };
}
