/**
 * The door of the volume wall: one object of storage that somebody writes, and the answer.
 *
 *   review ──reachesOf──▶ what it newly leads to ──refusalOf──▶ allow | deny with problems
 *
 * An update answers only for what it adds: a claim whose grant was withdrawn can still be labelled, shrunk of its
 * finalizers and deleted, and the audit tells of it. What cannot be read is refused.
 * What no grant can open is refused before by policies in the API server itself (`admission-policies.ts`).
 */
import type { Problem } from '../../model/problem.ts';
import type { Finding } from '../../model/sourced-object.ts';
import { clusterProblem } from '../cluster-problem.ts';
import { refusalOf, type VolumeConsents } from './consent.ts';
import { placesOf } from './places.ts';
import { reachesOf, reachKey } from './reach.ts';
import { readStorageObject, type StorageObject, userOf } from './storage-object.ts';
import type { VolumeIndex } from './volume-index.ts';

/** Of `admission.k8s.io/v1`, AdmissionRequest: what is read of it. */
export interface VolumeReview {
  readonly operation: string;
  readonly kind: { readonly kind: string };
  readonly namespace?: string;
  readonly name?: string;
  readonly userInfo: { readonly username?: string };
  readonly object?: unknown;
  readonly oldObject?: unknown;
}

export interface VolumeKnowledge {
  readonly index: VolumeIndex;
  readonly consents: VolumeConsents;
}

export type VolumeVerdict =
  | { readonly kind: 'allow' }
  /** Never empty. */
  | { readonly kind: 'deny'; readonly problems: readonly Problem[] };

/**
 * Kubernetes' own binder sets a volume free only where it was never used, or where it has been scrubbed.
 * Source: kube-controller-manager, persistentvolume controller, with and without a service account of its own.
 */
const binders: ReadonlySet<string> = new Set([
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:persistent-volume-binder',
]);

const allowed: VolumeVerdict = { kind: 'allow' };

/** Never throws. */
export function judgeVolumeReview(review: VolumeReview, { index, consents }: VolumeKnowledge): VolumeVerdict {
  const isUpdate = review.operation === 'UPDATE';
  if (review.operation !== 'CREATE' && !isUpdate) return allowed;
  const written = readStorageObject(review.kind.kind, review.object);
  const former = isUpdate ? readStorageObject(review.kind.kind, review.oldObject) : undefined;
  if (written === undefined || (isUpdate && former === undefined)) return deny(review, [unreadable]);
  const before = new Set(former === undefined ? [] : reachesOf(former, index).map(reachKey));
  const isSetFree = userOf(written) === '' && binders.has(review.userInfo.username ?? '');
  const reaches = isSetFree ? [] : reachesOf(written, index, former).filter((reach) => !before.has(reachKey(reach)));
  const isMoved = former === undefined || userOf(former) !== userOf(written);
  const findings = [
    ...reaches.flatMap((reach) => refusalOf(reach, consents) ?? []),
    ...(isMoved ? lostPlace(written, consents) : []),
  ];
  return findings.length === 0 ? allowed : deny(review, findings);
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

function deny({ kind, namespace = '', name = '' }: VolumeReview, findings: readonly Finding[]): VolumeVerdict {
  return {
    kind: 'deny',
    problems: findings.map((finding) => clusterProblem({ kind: kind.kind, namespace, name }, finding)),
  };
}
