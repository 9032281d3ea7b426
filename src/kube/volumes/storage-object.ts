/** One object of storage by its kind: what the door judges and the audit looks through. */
import {
  type PersistentVolume,
  type PersistentVolumeClaim,
  readClaim,
  readContent,
  readSnapshot,
  readVolume,
  type VolumeSnapshot,
  type VolumeSnapshotContent,
} from './storage-objects.ts';

export type StorageObject =
  | { readonly kind: 'PersistentVolume'; readonly object: PersistentVolume }
  | { readonly kind: 'PersistentVolumeClaim'; readonly object: PersistentVolumeClaim }
  | { readonly kind: 'VolumeSnapshot'; readonly object: VolumeSnapshot }
  | { readonly kind: 'VolumeSnapshotContent'; readonly object: VolumeSnapshotContent };

/** @returns nothing where the kind is none of storage, or the object has not its form. */
export function readStorageObject(kind: string, raw: unknown): StorageObject | undefined {
  switch (kind) {
    case 'PersistentVolume':
      return tagged(kind, readVolume(raw));
    case 'PersistentVolumeClaim':
      return tagged(kind, readClaim(raw));
    case 'VolumeSnapshot':
      return tagged(kind, readSnapshot(raw));
    case 'VolumeSnapshotContent':
      return tagged(kind, readContent(raw));
    default:
      return undefined;
  }
}

function tagged<K, O>(kind: K, object: O | undefined): { readonly kind: K; readonly object: O } | undefined {
  return object === undefined ? undefined : { kind, object };
}

/** Namespace for whose pods the object is; empty where it names none yet. */
export function userOf({ kind, object }: StorageObject): string {
  switch (kind) {
    case 'PersistentVolume':
      return object.spec.claimRef?.namespace ?? '';
    case 'VolumeSnapshotContent':
      return object.spec.volumeSnapshotRef.namespace ?? '';
    default:
      return object.metadata.namespace ?? '';
  }
}
