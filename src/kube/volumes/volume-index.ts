/**
 * What stands in the cluster of storage, ordered so that one object is judged against those it can touch and no others:
 * a judgement costs what it finds, not what there is.
 */
import { handlePlace, placesOf } from './places.ts';
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

/** Raw objects, as an API server lists them. */
export interface StorageObjects {
  readonly volumes: readonly unknown[];
  readonly claims: readonly unknown[];
  /** Empty where the cluster has no such kind. */
  readonly snapshots: readonly unknown[];
  readonly contents: readonly unknown[];
}

export interface VolumeIndex {
  /** By name. */
  readonly volumes: ReadonlyMap<string, PersistentVolume>;
  /** By `namespace/name`, as the next. */
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  readonly snapshots: ReadonlyMap<string, VolumeSnapshot>;
  /** By name. */
  readonly contents: ReadonlyMap<string, VolumeSnapshotContent>;
  /** @returns the volumes on the same storage, above it or below it, itself left out by its name. */
  overlapping(volume: PersistentVolume): readonly PersistentVolume[];
  volumesOfHandle(driver: string, handle: string): readonly PersistentVolume[];
  contentsOfHandle(driver: string, handle: string): readonly VolumeSnapshotContent[];
}

export function indexVolumes(objects: StorageObjects): VolumeIndex {
  const volumes = keyed(objects.volumes, readVolume, nameOf);
  const contents = keyed(objects.contents, readContent, nameOf);
  const at = new Map<string, PersistentVolume[]>();
  const within = new Map<string, PersistentVolume[]>();
  for (const volume of volumes.values()) {
    for (const trail of placesOf(volume) ?? []) {
      for (const place of trail) add(within, place, volume);
      add(at, trail.at(-1) ?? '', volume);
    }
  }
  const byHandle = new Map<string, VolumeSnapshotContent[]>();
  for (const content of contents.values()) {
    for (const handle of snapshotHandles(content)) add(byHandle, handlePlace(content.spec.driver, handle), content);
  }
  return {
    volumes,
    claims: keyed(objects.claims, readClaim, keyOf),
    snapshots: keyed(objects.snapshots, readSnapshot, keyOf),
    contents,
    overlapping(volume) {
      const found = (placesOf(volume) ?? []).flatMap((trail) => [
        ...trail.flatMap((place) => at.get(place) ?? []),
        ...(within.get(trail.at(-1) ?? '') ?? []),
      ]);
      return [...new Set(found)].filter((other) => nameOf(other) !== nameOf(volume));
    },
    volumesOfHandle: (driver, handle) => at.get(handlePlace(driver, handle)) ?? [],
    contentsOfHandle: (driver, handle) => byHandle.get(handlePlace(driver, handle)) ?? [],
  };
}

export function nameOf({ metadata }: { readonly metadata: { readonly name?: string } }): string {
  return metadata.name ?? '';
}

/** Sorts by age, by name within one second; what has no age yet comes last. RFC 3339 in UTC, as an API server writes it. */
export function ageOf({ metadata }: PersistentVolume | VolumeSnapshotContent): string {
  return `${metadata.creationTimestamp ?? 'now'} ${metadata.name ?? ''}`;
}

function keyOf({ metadata }: { readonly metadata: { readonly namespace?: string; readonly name?: string } }): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

/** What the storage calls the snapshot: as it was imported, or as it was made. */
function snapshotHandles({ spec, status }: VolumeSnapshotContent): readonly string[] {
  const handles = [spec.source.snapshotHandle, status?.snapshotHandle].filter((handle) => handle !== undefined);
  return [...new Set(handles)];
}

function keyed<Read>(
  raw: readonly unknown[],
  read: (value: unknown) => Read | undefined,
  key: (object: Read) => string,
): ReadonlyMap<string, Read> {
  const objects = raw.flatMap((value) => read(value) ?? []);
  return new Map(objects.map((object) => [key(object), object]));
}

function add<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
