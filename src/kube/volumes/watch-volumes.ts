/**
 * The storage of a cluster as it stands, for those who judge it: the door (`judge-volume-review.ts`) and the audit.
 *
 *   volumes, claims, snapshots, contents ──followed──▶ index ──▶ knowledge of the door, once all of it was whole
 *   attachments, pods                    ──followed──┘       └─▶ audit
 *
 * Until every kind has been listed nothing is known, and whoever asks is told so: a wall with a hole is no wall. After that
 * each kind stays as it was last seen, whatever becomes of the API server.
 */

import type { Problem } from '../../model/problem.ts';
import { isRecord } from '../../model/prune.ts';
import { Follower, type InformOptions } from '../inform/follower.ts';
import { type HeldObject, ObjectStore, readHeld } from '../inform/object-store.ts';
import type { Place } from '../inform/resource.ts';
import type { KubeClient } from '../kube-client.ts';
import { type AuditedObjects, auditVolumes } from './audit-volumes.ts';
import { closedSourcesOfPod } from './closed-sources.ts';
import type { VolumeConsents } from './consent.ts';
import { readMountingPod } from './storage-objects.ts';
import { indexVolumes, type VolumeIndex } from './volume-index.ts';

const core = { group: '', version: 'v1', isOptional: false } as const;
/** Whoever has no snapshots has no such kinds. */
const ofSnapshots = { group: 'snapshot.storage.k8s.io', version: 'v1', isOptional: true } as const;

const places = {
  volumes: { kind: 'PersistentVolume', plural: 'persistentvolumes', ...core },
  claims: { kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', ...core },
  snapshots: { kind: 'VolumeSnapshot', plural: 'volumesnapshots', ...ofSnapshots },
  contents: { kind: 'VolumeSnapshotContent', plural: 'volumesnapshotcontents', ...ofSnapshots },
  attachments: {
    ...{ kind: 'VolumeAttachment', plural: 'volumeattachments' },
    ...{ group: 'storage.k8s.io', version: 'v1', isOptional: false },
  },
  pods: { kind: 'Pod', plural: 'pods', ...core },
} as const satisfies Record<keyof AuditedObjects, Place>;

type Kept = keyof AuditedObjects;
/** What the door must know; the rest is for the audit. */
const ofTheDoor = ['volumes', 'claims', 'snapshots', 'contents'] as const satisfies readonly Kept[];

export class VolumeWatch {
  readonly #followed: Readonly<Record<Kept, Followed>>;
  #index: VolumeIndex | undefined;

  /** @param changed called after anything that the methods tell has changed. */
  constructor(client: Pick<KubeClient, 'get'>, options: InformOptions, changed: () => void) {
    const follow = (name: Kept): Followed => {
      const store = new ObjectStore<unknown>();
      const read = readHeld<unknown>(name === 'pods' ? whatAPodMounts : withoutHistory);
      const follower = new Follower<HeldObject<unknown>>({ place: places[name], read }, store, client, options, () => {
        if (name !== 'pods' && name !== 'attachments') this.#index = undefined;
        changed();
      });
      return { store, follower };
    };
    this.#followed = {
      volumes: follow('volumes'),
      claims: follow('claims'),
      snapshots: follow('snapshots'),
      contents: follow('contents'),
      attachments: follow('attachments'),
      pods: follow('pods'),
    };
  }

  /** @returns nothing until all that the door must know was whole once. */
  index(): VolumeIndex | undefined {
    if (!this.#isSynced(ofTheDoor)) return undefined;
    this.#index ??= indexVolumes(this.#objects());
    return this.#index;
  }

  /** What stands and would be refused now, sorted; nothing while not all of it is known. */
  audit(consents: VolumeConsents): readonly Problem[] {
    return this.#isSynced(Object.keys(places) as Kept[]) ? auditVolumes(this.#objects(), consents) : [];
  }

  /** Why anything cannot be read; none while all is well. */
  problems(): readonly Problem[] {
    return Object.values(this.#followed).flatMap(({ follower }) => follower.problems());
  }

  close(): void {
    for (const { follower } of Object.values(this.#followed)) follower.close();
  }

  #isSynced(names: readonly Kept[]): boolean {
    return names.every((name) => this.#followed[name].follower.isSynced());
  }

  #objects(): AuditedObjects {
    const { volumes, claims, snapshots, contents, attachments, pods } = this.#followed;
    return {
      volumes: volumes.store.objects(),
      claims: claims.store.objects(),
      snapshots: snapshots.store.objects(),
      contents: contents.store.objects(),
      attachments: attachments.store.objects(),
      pods: pods.store.objects(),
    };
  }
}

interface Followed {
  readonly store: ObjectStore<unknown>;
  readonly follower: Follower<HeldObject<unknown>>;
}

/** Who wrote which field is half of an object, and nobody's business here; its revision moves with every word of a driver. */
function withoutHistory(raw: Record<string, unknown>): unknown {
  if (!isRecord(raw['metadata'])) return raw;
  const { managedFields: _history, resourceVersion: _revision, ...metadata } = raw['metadata'];
  return { ...raw, metadata };
}

/** Of the pods of a cluster, most mount nothing that is closed to them: of those the name is enough. */
function whatAPodMounts(raw: Record<string, unknown>): unknown {
  const pod = readMountingPod(raw);
  if (pod === undefined) return undefined;
  const { name, namespace } = pod.metadata;
  const volumes = closedSourcesOfPod(pod).length === 0 ? [] : pod.spec.volumes;
  return { metadata: { name, namespace }, spec: { volumes } };
}
