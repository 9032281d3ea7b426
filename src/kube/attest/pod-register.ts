/**
 * The pods of a cluster by what makes each the very one it is: as tokens name them.
 *
 *   objects ──take──▶ which pods are not what they were ──▶ by uid: whose it is, where it runs, whether it is injected
 *
 * A pod of the same name that came after another is another pod; so is one whose service account or node reads otherwise.
 * What moves besides, such as its readiness, is no news here.
 */
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

interface Entry {
  readonly source: ValidObject<'Pod'>;
  readonly pod: RegisteredPod;
}

export class PodRegister {
  #byUid: ReadonlyMap<string, Entry> = new Map();
  /** Uids of those that were attested. */
  readonly #attested = new Set<string>();

  /** @returns keys of the pods that are not what they were, or are no more. */
  take(objects: readonly SourcedObject[], nowMs: number): ReadonlySet<string> {
    const byUid = new Map<string, Entry>();
    const changed = new Set<string>();
    for (const object of objects) {
      if (!isOfKind(object, 'Pod')) continue;
      const { uid } = object.object.metadata;
      if (uid === undefined) continue;
      const before = this.#byUid.get(uid);
      const entry = before?.source === object ? before : entryOf(object, uid, nowMs, before);
      byUid.set(uid, entry);
      if (before !== undefined && before.pod !== entry.pod) changed.add(entry.pod.key);
    }
    for (const [uid, { pod }] of this.#byUid) {
      if (byUid.has(uid)) continue;
      changed.add(pod.key);
      this.#attested.delete(uid);
    }
    this.#byUid = byUid;
    return changed;
  }

  get(uid: string): RegisteredPod | undefined {
    return this.#byUid.get(uid)?.pod;
  }

  /** For as long as it is there. */
  remember({ uid }: RegisteredPod): void {
    if (this.#byUid.has(uid)) this.#attested.add(uid);
  }

  wasAttested({ uid }: RegisteredPod): boolean {
    return this.#attested.has(uid);
  }
}

function entryOf(source: ValidObject<'Pod'>, uid: string, nowMs: number, before: Entry | undefined): Entry {
  const { metadata, spec } = source.object;
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
  return { source, pod: before !== undefined && isSame(before.pod, pod) ? before.pod : pod };
}

function isSame({ sinceMs: _, ...one }: RegisteredPod, { sinceMs: __, ...other }: RegisteredPod): boolean {
  return Object.entries(one).every(([field, value]) => other[field as keyof typeof other] === value);
}
