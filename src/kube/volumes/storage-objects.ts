/**
 * Kubernetes' objects of storage, as far as the wall reads them. They exist in a cluster only: no folder holds any.
 *
 * An API server has judged them already, and their lists may hold objects of versions to come: whatever is not named here
 * is kept and ignored, and what does not even have this form is not read, which at the door is a refusal.
 */
import Type, { type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

const text = Type.Optional(Type.String());

const metadata = Type.Object({
  name: text,
  namespace: text,
  creationTimestamp: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});

/** A claim, snapshot or secret, by namespace and name. */
const reference = Type.Object({ namespace: text, name: text });
const sourceOfData = Type.Optional(Type.Object({ kind: text, namespace: text, name: text }));

const persistentVolume = Type.Object({
  metadata,
  spec: Type.Object({ claimRef: Type.Optional(reference), storageClassName: text }),
});

const persistentVolumeClaim = Type.Object({
  metadata,
  spec: Type.Object({
    volumeName: text,
    storageClassName: text,
    dataSource: sourceOfData,
    dataSourceRef: sourceOfData,
  }),
});

const volumeSnapshot = Type.Object({
  metadata,
  spec: Type.Object({
    source: Type.Object({ persistentVolumeClaimName: text, volumeSnapshotContentName: text }),
  }),
  status: Type.Optional(Type.Object({ boundVolumeSnapshotContentName: text })),
});

const volumeSnapshotContent = Type.Object({
  metadata,
  spec: Type.Object({
    driver: Type.String(),
    source: Type.Object({ volumeHandle: text, snapshotHandle: text }),
    volumeSnapshotRef: reference,
  }),
  status: Type.Optional(Type.Object({ snapshotHandle: text })),
});

const volumeAttachment = Type.Object({
  metadata,
  spec: Type.Object({ nodeName: Type.String(), source: Type.Object({ persistentVolumeName: text }) }),
});

const pod = Type.Object({
  metadata,
  spec: Type.Object({ volumes: Type.Optional(Type.Array(Type.Record(Type.String(), Type.Unknown()))) }),
});

export type PersistentVolume = Type.Static<typeof persistentVolume>;
export type PersistentVolumeClaim = Type.Static<typeof persistentVolumeClaim>;
export type VolumeSnapshot = Type.Static<typeof volumeSnapshot>;
export type VolumeSnapshotContent = Type.Static<typeof volumeSnapshotContent>;
export type VolumeAttachment = Type.Static<typeof volumeAttachment>;
export type MountingPod = Type.Static<typeof pod>;

/** @returns of a raw object, or nothing where it has not the form. */
export const readVolume = readerOf<PersistentVolume>(persistentVolume);
export const readClaim = readerOf<PersistentVolumeClaim>(persistentVolumeClaim);
export const readSnapshot = readerOf<VolumeSnapshot>(volumeSnapshot);
export const readContent = readerOf<VolumeSnapshotContent>(volumeSnapshotContent);
export const readAttachment = readerOf<VolumeAttachment>(volumeAttachment);
export const readMountingPod = readerOf<MountingPod>(pod);

function readerOf<Read>(schema: TSchema): (value: unknown) => Read | undefined {
  const validator = Compile(schema);
  const has = (value: unknown): value is Read => validator.Check(value);
  return (value) => (has(value) ? value : undefined);
}
