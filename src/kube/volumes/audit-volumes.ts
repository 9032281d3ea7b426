/**
 * What stands in the cluster and would be refused if it were written now: from before the wall, past a webhook that saw
 * too little, or by a grant that was withdrawn since. It is told, and nothing is detached.
 *
 *   objects of storage ──reachesOf, closedSources──▶ Problem[]        VolumeAttachments say on which nodes it is in use
 *
 * Of two volumes on one storage the younger is told: it is the one that came to where the other was.
 */
import type { Problem } from '../../model/problem.ts';
import { sortProblems } from '../../model/problem-list.ts';
import { quoteList } from '../../model/quote.ts';
import type { Finding } from '../../model/sourced-object.ts';
import { clusterProblem } from '../cluster-problem.ts';
import { closedSources, closedSourcesOfPod } from './closed-sources.ts';
import { refusalOf, type VolumeConsents } from './consent.ts';
import { lostPlace } from './judge-volume-review.ts';
import { reachesOf } from './reach.ts';
import type { StorageObject } from './storage-object.ts';
import { type PersistentVolume, readAttachment, readMountingPod } from './storage-objects.ts';
import { ageOf, indexVolumes, nameOf, type StorageObjects, type VolumeIndex } from './volume-index.ts';

export interface AuditedObjects extends StorageObjects {
  readonly attachments: readonly unknown[];
  readonly pods: readonly unknown[];
}

/** @returns sorted. */
export function auditVolumes(objects: AuditedObjects, consents: VolumeConsents): readonly Problem[] {
  const index = indexVolumes(objects);
  const nodesOf = attachedNodes(objects.attachments);
  const ofStorage = everyObject(index).flatMap((written) => {
    const refused = reachesOf(written, asItWas(index, written)).flatMap((reach) => refusalOf(reach, consents) ?? []);
    const findings = [...refused, ...closedSources(written, consents.tenants), ...lostPlace(written, consents)];
    const nodes = nodesOf.get(volumeOf(written)) ?? [];
    return findings.map((finding) => clusterProblem(refOf(written), inUse(finding, nodes)));
  });
  const pods = objects.pods.flatMap((raw) => readMountingPod(raw) ?? []);
  const ofPods = pods.flatMap((pod) => {
    const { namespace = '', name = '' } = pod.metadata;
    if (!consents.tenants.has(namespace)) return [];
    return closedSourcesOfPod(pod).map((finding) => clusterProblem({ kind: 'Pod', namespace, name }, finding));
  });
  return sortProblems([...ofStorage, ...ofPods]);
}

function everyObject({ volumes, claims, snapshots, contents }: VolumeIndex): readonly StorageObject[] {
  return [
    ...Array.from(volumes.values(), (object) => ({ kind: 'PersistentVolume', object }) as const),
    ...Array.from(claims.values(), (object) => ({ kind: 'PersistentVolumeClaim', object }) as const),
    ...Array.from(snapshots.values(), (object) => ({ kind: 'VolumeSnapshot', object }) as const),
    ...Array.from(contents.values(), (object) => ({ kind: 'VolumeSnapshotContent', object }) as const),
  ];
}

/** The index as a volume met it when it was made. */
function asItWas(index: VolumeIndex, { kind, object }: StorageObject): VolumeIndex {
  if (kind !== 'PersistentVolume') return index;
  const isOlder = (other: PersistentVolume) => ageOf(other) < ageOf(object);
  return { ...index, overlapping: (volume) => index.overlapping(volume).filter(isOlder) };
}

function attachedNodes(raw: readonly unknown[]): ReadonlyMap<string, readonly string[]> {
  const nodes = new Map<string, string[]>();
  for (const attachment of raw.flatMap((each) => readAttachment(each) ?? [])) {
    const volume = attachment.spec.source.persistentVolumeName;
    if (volume === undefined) continue;
    nodes.set(volume, [...(nodes.get(volume) ?? []), attachment.spec.nodeName].sort());
  }
  return nodes;
}

function volumeOf({ kind, object }: StorageObject): string {
  if (kind === 'PersistentVolume') return nameOf(object);
  return kind === 'PersistentVolumeClaim' ? (object.spec.volumeName ?? '') : '';
}

function inUse(finding: Finding, nodes: readonly string[]): Finding {
  if (nodes.length === 0) return finding;
  const message = `${finding.message}; it is attached to ${quoteList(nodes)}`;
  return { ...finding, message, advice: `end the pods that mount it and delete it, or ${finding.advice}` };
}

function refOf({ kind, object }: StorageObject) {
  return { kind, namespace: object.metadata.namespace ?? '', name: nameOf(object) };
}
