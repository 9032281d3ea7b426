/** Everything that the API server refuses or tells by itself, whether or not Coffre is there: the volume wall, others' tokens for us, openings of the network. */
import { tokenAdmissionPolicies } from '../attest/admission-policies.ts';
import { networkAdmissionPolicies } from '../network-policies/admission-policies.ts';
import type { KubeObject } from '../objects.ts';
import { volumeAdmissionPolicies } from '../volumes/admission-policies.ts';

export const admissionPolicies: readonly KubeObject[] = [
  ...tokenAdmissionPolicies,
  ...[...networkAdmissionPolicies, ...volumeAdmissionPolicies()].map(asObject),
];

/** By its fields; an interface says nothing of others, and an object of a cluster may have any. */
function asObject(object: object & Pick<KubeObject, 'metadata'>): KubeObject {
  return object as KubeObject;
}
