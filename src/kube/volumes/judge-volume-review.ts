/**
 * The door of the volume wall: one object of storage that somebody writes, and the answer.
 *
 *   review ──reachesOf──▶ what it newly leads to ──refusalOf──▶ allowed | refused with problems
 *
 * An update answers only for what it adds: a claim whose grant was withdrawn can still be labelled, shrunk of its
 * finalizers and deleted, and the audit tells of it. What cannot be read is refused.
 * What no grant can open is refused before by policies in the API server itself (`admission-policies.ts`).
 */
import type { Finding } from '../../model/sourced-object.ts';
import { type AdmissionRequest, unchanged, type Verdict } from '../admission.ts';
import { clusterProblem } from '../cluster-problem.ts';
import { refusalOf, type VolumeConsents } from './consent.ts';
import { placesOf } from './places.ts';
import { reachesOf, reachKey } from './reach.ts';
import { readStorageObject, type StorageObject, userOf } from './storage-object.ts';
import type { VolumeIndex } from './volume-index.ts';

export interface VolumeKnowledge {
  readonly index: VolumeIndex;
  readonly consents: VolumeConsents;
}

/**
 * Kubernetes' own binder sets a volume free only where it was never used, or where it has been scrubbed.
 * Source: kube-controller-manager, persistentvolume controller, with and without a service account of its own.
 */
const binders: ReadonlySet<string> = new Set([
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:persistent-volume-binder',
]);

/** Never throws. */
export function judgeVolumeReview(review: AdmissionRequest, { index, consents }: VolumeKnowledge): Verdict {
  const isUpdate = review.operation === 'UPDATE';
  if (review.operation !== 'CREATE' && !isUpdate) return unchanged;
  const written = readStorageObject(review.kind.kind, review.object);
  const former = isUpdate ? readStorageObject(review.kind.kind, review.oldObject) : undefined;
  if (written === undefined || (isUpdate && former === undefined)) return refuse(review, [unreadable]);
  const before = new Set(former === undefined ? [] : reachesOf(former, index).map(reachKey));
  const isSetFree = userOf(written) === '' && binders.has(review.userInfo.username);
  const reaches = isSetFree ? [] : reachesOf(written, index, former).filter((reach) => !before.has(reachKey(reach)));
  const isMoved = former === undefined || userOf(former) !== userOf(written);
  const findings = [
    ...reaches.flatMap((reach) => refusalOf(reach, consents) ?? []),
    ...(isMoved ? lostPlace(written, consents) : []),
  ];
  return findings.length === 0 ? unchanged : refuse(review, findings);
}

/** A volume for a tenant must be where others can be compared with it. */
export function lostPlace(written: StorageObject, { tenants }: VolumeConsents): readonly Finding[] {
  const isTold = written.kind !== 'PersistentVolume' || placesOf(written.object) !== undefined;
  return isTold || !tenants.has(userOf(written)) ? [] : [nowhere];
}

const nowhere: Finding = {
  code: 'volume-unknown',
  severity: 'error',
  path: 'spec.nodeAffinity',
  message: 'a directory of a node is named, and not of which: nobody can tell whether another tenant’s data are there',
  advice: 'name the nodes by `kubernetes.io/hostname` with the operator `In`, in every term',
};

const unreadable: Finding = {
  code: 'volume-unknown',
  severity: 'error',
  path: '',
  message: 'the object is of no form that is known here, so nobody can tell whose data it leads to',
  advice: 'write it as the kind is documented, or have this kind taken out of the webhook’s rules',
};

function refuse({ kind, namespace = '', name = '' }: AdmissionRequest, findings: readonly Finding[]): Verdict {
  return {
    kind: 'refused',
    problems: findings.map((finding) => clusterProblem({ kind: kind.kind, namespace, name }, finding)),
  };
}
