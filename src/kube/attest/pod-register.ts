/**
 * The pods of a cluster by what makes each the very one it is: as tokens name them.
 *
 *   what came and went ──take──▶ which pods are not what they were ──▶ by uid: whose it is, where it runs, whether it is injected
 *
 * A pod of the same name that came after another is another pod; so is one whose service account or node reads otherwise.
 * What moves besides, such as its readiness, is no news here.
 */
import type { Difference } from '../../model/difference.ts';
import { isOfKind, type SourcedObject, type ValidObject } from '../../model/sourced-object.ts';
import { injectedByAnnotation, revisionLabel, sidecarName } from '../inject/names.ts';

export interface RegisteredPod {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly serviceAccount: string;
  /** Absent until it is scheduled. */
  readonly node: string | undefined;
  /** Whether it bears the marks of our injection, and our sidecar. */
  readonly isInjected: boolean;
  /** Whether it has been told to end. */
  readonly isEnding: boolean;
  /** Epoch ms since which it reads so. */
  readonly sinceMs: number;
}

export class PodRegister {
  readonly #byUid = new Map<string, RegisteredPod>();
  /** Uids of those that were attested. */
  readonly #attested = new Set<string>();

  /** @returns keys of the pods that are not what they were, or are no more. */
  take({ gone, come }: Difference<SourcedObject>, nowMs: number): Set<string> {
    const changed = new Set<string>();
    const left = new Set(gone.flatMap((object) => uidOf(object) ?? []));
    for (const object of come) {
      const uid = uidOf(object);
      if (uid === undefined || !isOfKind(object, 'Pod')) continue;
      left.delete(uid);
      const before = this.#byUid.get(uid);
      const pod = podOf(object, uid, nowMs, before);
      this.#byUid.set(uid, pod);
      if (before !== undefined && before !== pod) changed.add(pod.key);
    }
    for (const uid of left) {
      const { key } = this.#byUid.get(uid) ?? {};
      if (key !== undefined) changed.add(key);
      this.#byUid.delete(uid);
      this.#attested.delete(uid);
    }
    return changed;
  }

  get(uid: string): RegisteredPod | undefined {
    return this.#byUid.get(uid);
  }

  /** For as long as it is there. */
  remember({ uid }: RegisteredPod): void {
    if (this.#byUid.has(uid)) this.#attested.add(uid);
  }

  wasAttested({ uid }: RegisteredPod): boolean {
    return this.#attested.has(uid);
  }
}

function uidOf(object: SourcedObject): string | undefined {
  return isOfKind(object, 'Pod') ? object.object.metadata.uid : undefined;
}

/** @returns the very same as before where it reads alike. */
function podOf(
  { object: { metadata, spec } }: ValidObject<'Pod'>,
  uid: string,
  nowMs: number,
  before: RegisteredPod | undefined,
): RegisteredPod {
  const pod: RegisteredPod = {
    key: `${metadata.namespace}/${metadata.name}`,
    uid,
    serviceAccount: spec.serviceAccountName ?? 'default',
    node: spec.nodeName,
    isInjected:
      metadata.labels?.[revisionLabel] !== undefined &&
      metadata.annotations?.[injectedByAnnotation] !== undefined &&
      (spec.initContainers ?? []).some(({ name }) => name === sidecarName),
    isEnding: metadata.deletionTimestamp !== undefined,
    sinceMs: nowMs,
  };
  return before !== undefined && isSame(before, pod) ? before : pod;
}

function isSame({ sinceMs: _, ...one }: RegisteredPod, { sinceMs: __, ...other }: RegisteredPod): boolean {
  return Object.entries(one).every(([field, value]) => other[field as keyof typeof other] === value);
}
