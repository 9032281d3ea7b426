/**
 * Whose data an object of storage leads to, and for whom: the one question of the volume wall.
 *
 *   PV ──claimRef before, storage of other PVs, secrets──┐
 *   PVC ──volumeName, dataSource, dataSourceRef──────────┼──▶ Reach[]: by a namespace, to what an owner's claim holds
 *   snapshot ──its content──▶ content ──handles──────────┘
 *
 * Whether it may is another question (`consent.ts`). Everything leads back to a claim, because a claim is what a grant
 * names; where no claim is known, no grant can open it. What a namespace holds itself is no reach.
 * The surprise: a volume keeps its owner when its claim is gone. A released volume is full of the last tenant's data.
 */
import { quote } from '../../model/quote.ts';
import { covers, sourceName } from './places.ts';
import { type StorageObject, userOf } from './storage-object.ts';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  VolumeSnapshot,
  VolumeSnapshotContent,
} from './storage-objects.ts';
import { ageOf, nameOf, type VolumeIndex } from './volume-index.ts';

export interface Reach {
  /** `keys`: a secret that opens storage, and says nothing of whose. */
  readonly kind: 'data' | 'keys';
  /** Namespace that would get at the data; empty where the object is open to whoever comes first. */
  readonly by: string;
  /** Namespace whose data they are. */
  readonly owner: string;
  /** Claim of the owner that holds or held them, where one is known. */
  readonly claim?: string;
  /** Field by which it is reached. */
  readonly path: string;
  /** What leads there, for the message: `… is on the same storage`. */
  readonly how: string;
}

/** Someone's data, without who wants them. */
type Origin = Omit<Reach, 'by'>;

/** @param former what stood there before, if anything did. */
export function reachesOf(object: StorageObject, index: VolumeIndex, former?: StorageObject): readonly Reach[] {
  const by = userOf(object);
  const origins = [...originsOf(object, index), ...(former === undefined ? [] : heldBefore(former, index))];
  const foreign = origins.filter(({ owner }) => owner !== by).map((origin) => ({ ...origin, by }));
  return [...new Map(foreign.map((reach) => [reachKey(reach), reach])).values()];
}

/** Equal where the same data are reached for the same namespace, by whatever field. */
export function reachKey({ kind, by, owner, claim }: Reach): string {
  return JSON.stringify([kind, by, owner, claim ?? null]);
}

function originsOf({ kind, object }: StorageObject, index: VolumeIndex): readonly Origin[] {
  switch (kind) {
    case 'PersistentVolume':
      return [
        ...originsOfStorage(object, object.spec.claimRef?.namespace, index, `spec.${sourceName(object)}`),
        ...originsOfSecrets(object),
      ];
    case 'PersistentVolumeClaim':
      return originsOfClaim(object, index);
    case 'VolumeSnapshot':
      return originsOfSnapshot(object, index, 'spec.source');
    case 'VolumeSnapshotContent':
      return originsOfContent(object, index, 'spec.source');
  }
}

/** Whom a volume or a content was for, before it was for somebody else. */
function heldBefore(former: StorageObject, index: VolumeIndex): readonly Origin[] {
  switch (former.kind) {
    case 'PersistentVolume': {
      const how = 'the volume still holds what was written there';
      return bound(former.object, { path: 'spec.claimRef', how });
    }
    case 'VolumeSnapshotContent': {
      return snapshotBehind(former.object, index, 'spec.volumeSnapshotRef', 'the content was a snapshot from there');
    }
    default:
      return [];
  }
}

/** The claim that a volume is bound to, or was. */
function bound({ spec }: PersistentVolume, words: Pick<Origin, 'path' | 'how'>): readonly Origin[] {
  const { namespace, name } = spec.claimRef ?? {};
  return namespace === undefined ? [] : [data(namespace, name, words)];
}

/** Where a namespace holds the whole place already, by a volume that was judged, another volume there adds nothing. */
function originsOfStorage(
  volume: PersistentVolume,
  by: string | undefined,
  index: VolumeIndex,
  path: string,
): readonly Origin[] {
  const others = index.overlapping(volume);
  const isHeld = others.some(
    (other) => by !== undefined && other.spec.claimRef?.namespace === by && covers(other, volume),
  );
  if (isHeld) return [];
  return others.flatMap((other) =>
    bound(other, { path, how: `it is on the storage of the volume ${quote(nameOf(other))}` }),
  );
}

/** Keys of another namespace open what they are for. */
function originsOfSecrets(volume: PersistentVolume): readonly Origin[] {
  const name = sourceName(volume);
  const source: unknown = Reflect.get(volume.spec, name);
  if (typeof source !== 'object' || source === null) return [];
  return Object.entries(source).flatMap(([key, value]: [string, unknown]) => {
    const isFlat = key === 'secretNamespace';
    const isReference = /secretref$/i.test(key) && typeof value === 'object' && value !== null;
    const owner: unknown = isFlat ? value : isReference ? Reflect.get(value, 'namespace') : undefined;
    if (typeof owner !== 'string') return [];
    return [
      { kind: 'keys' as const, owner, path: `spec.${name}.${key}`, how: 'it is mounted with a secret from there' },
    ];
  });
}

function originsOfClaim({ metadata, spec }: PersistentVolumeClaim, index: VolumeIndex): readonly Origin[] {
  const { volumeName, dataSource, dataSourceRef } = spec;
  const volume = volumeName === undefined ? undefined : index.volumes.get(volumeName);
  const named = volume === undefined ? [] : originsOfVolume(volume, metadata.namespace, index);
  const sources = Object.entries({ dataSource, dataSourceRef }).flatMap(([field, source]) => {
    const owner = source?.namespace ?? metadata.namespace ?? '';
    return source === undefined ? [] : originsOfSource({ ...source, namespace: owner }, index, `spec.${field}`);
  });
  return [...named, ...sources];
}

/** A volume that is bound was judged when it was; one that is free is whoever's storage it is on. */
function originsOfVolume(volume: PersistentVolume, by: string | undefined, index: VolumeIndex): readonly Origin[] {
  const path = 'spec.volumeName';
  if (volume.spec.claimRef === undefined) return originsOfStorage(volume, by, index, path);
  return bound(volume, { path, how: `the volume ${quote(nameOf(volume))} is bound there, or was` });
}

function originsOfSource(
  source: { readonly kind?: string; readonly namespace: string; readonly name?: string },
  index: VolumeIndex,
  path: string,
): readonly Origin[] {
  const { kind = '', namespace: owner, name = '' } = source;
  const how = `it would be filled from the ${quote(kind)} ${quote(`${owner}/${name}`)}`;
  if (kind === 'PersistentVolumeClaim') return [data(owner, name, { path, how })];
  const snapshot = kind === 'VolumeSnapshot' ? index.snapshots.get(`${owner}/${name}`) : undefined;
  const behind = snapshot === undefined ? [] : originsOfSnapshot(snapshot, index, path);
  return [data(owner, snapshot?.spec.source.persistentVolumeClaimName, { path, how }), ...behind];
}

/** Of the content behind a snapshot: for whom it was made, and of what. */
function originsOfSnapshot({ spec, status }: VolumeSnapshot, index: VolumeIndex, path: string): readonly Origin[] {
  const names = [spec.source.volumeSnapshotContentName, status?.boundVolumeSnapshotContentName];
  const contents = names.flatMap((name) => (name === undefined ? [] : (index.contents.get(name) ?? [])));
  return contents.flatMap((content) => [
    ...snapshotBehind(content, index, path, `the content ${quote(nameOf(content))} is a snapshot from there`),
    ...originsOfContent(content, index, path),
  ]);
}

/** Whose volume, or whose snapshot, the storage knows by the handles of a content. */
function originsOfContent(content: VolumeSnapshotContent, index: VolumeIndex, path: string): readonly Origin[] {
  const { driver, source, volumeSnapshotRef } = content.spec;
  const { volumeHandle, snapshotHandle = content.status?.snapshotHandle } = source;
  const volumes = volumeHandle === undefined ? [] : index.volumesOfHandle(driver, volumeHandle);
  const same = snapshotHandle === undefined ? [] : index.contentsOfHandle(driver, snapshotHandle);
  const others = same.filter((other) => isBefore(other, content));
  const isOwn = volumes.some(({ spec }) => spec.claimRef?.namespace === volumeSnapshotRef.namespace);
  return [
    ...(isOwn ? [] : volumes).flatMap((volume) =>
      bound(volume, { path, how: `it is of the volume ${quote(nameOf(volume))}` }),
    ),
    ...others.flatMap((other) =>
      snapshotBehind(other, index, path, `the content ${quote(nameOf(other))} is the same snapshot`),
    ),
  ];
}

/** What was made of a volume comes before what was imported by a handle, whenever that was; then age decides. */
function isBefore(other: VolumeSnapshotContent, content: VolumeSnapshotContent): boolean {
  const [wasMade, isMade] = [other, content].map(({ spec }) => spec.source.volumeHandle !== undefined);
  return wasMade === isMade ? ageOf(other) < ageOf(content) : wasMade === true;
}

function snapshotBehind(
  { spec }: VolumeSnapshotContent,
  index: VolumeIndex,
  path: string,
  how: string,
): readonly Origin[] {
  const { namespace, name } = spec.volumeSnapshotRef;
  if (namespace === undefined) return [];
  const snapshot = index.snapshots.get(`${namespace}/${name}`);
  return [data(namespace, snapshot?.spec.source.persistentVolumeClaimName, { path, how })];
}

function data(owner: string, claim: string | undefined, words: Pick<Origin, 'path' | 'how'>): Origin {
  return { kind: 'data', owner, ...(claim === undefined ? {} : { claim }), ...words };
}
