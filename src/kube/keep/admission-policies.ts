/** Everything that the API server refuses by itself, whether or not Coffre is there: the volume wall, and others' tokens for us. */
import { tokenAdmissionPolicies } from '../attest/admission-policies.ts';
import type { KubeObject } from '../objects.ts';
import { volumeAdmissionPolicies } from '../volumes/admission-policies.ts';

export const admissionPolicies: readonly KubeObject[] = [
  ...tokenAdmissionPolicies,
  ...volumeAdmissionPolicies().map(asObject),
];

/** By its fields; an interface says nothing of others, and an object of a cluster may have any. */
function asObject(object: object & Pick<KubeObject, 'metadata'>): KubeObject {
  return object as KubeObject;
}
