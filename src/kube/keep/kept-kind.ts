/** Kinds of objects of which Coffre keeps some in a cluster as it wants them, and what we must be allowed for it. */
import type { Place } from '../inform/resource.ts';
import { meshConfigMapName } from '../inject/names.ts';
import type { KubeObject } from '../objects.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { admissionPolicies } from './admission-policies.ts';

export interface KeptKind {
  readonly place: Pick<Place, 'kind' | 'group' | 'version' | 'plural'>;
  /** Whose wish the objects are: what bears it and is wished for no more is removed. */
  readonly part: string;
  /** Top-level fields that are ours alone, every word of them. */
  readonly content: readonly string[];
  /** Whether those of others are looked at, too. */
  readonly seesOthers: boolean;
}

const managedBy = { 'app.kubernetes.io/managed-by': 'coffre' } as const;
const partLabel = 'app.kubernetes.io/component';

/** What tells ours from everybody else's. */
export function keptLabels({ part }: Pick<KeptKind, 'part'>): Readonly<Record<string, string>> {
  return { ...managedBy, [partLabel]: part, 'app.kubernetes.io/part-of': 'coffre' };
}

/** As it is written: with our labels. */
export function stamped(kind: Pick<KeptKind, 'part'>, object: KubeObject): KubeObject {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, labels: { ...metadata.labels, ...keptLabels(kind) } } };
}

export const keptNetworkPolicies: KeptKind = {
  place: { kind: 'NetworkPolicy', group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies' },
  part: 'network-policies',
  content: ['spec'],
  // Policies are a union: another's may open what ours closes.
  seesOthers: true,
};

export const keptConfigMaps: KeptKind = {
  place: { kind: 'ConfigMap', group: '', version: 'v1', plural: 'configmaps' },
  part: 'mesh-config',
  content: ['data', 'binaryData'],
  seesOthers: false,
};

const admission = { group: 'admissionregistration.k8s.io', version: 'v1' } as const;

export const keptAdmissionPolicies: readonly KeptKind[] = [
  {
    place: { kind: 'ValidatingAdmissionPolicy', ...admission, plural: 'validatingadmissionpolicies' },
    ...{ part: 'admission', content: ['spec'], seesOthers: false },
  },
  {
    place: { kind: 'ValidatingAdmissionPolicyBinding', ...admission, plural: 'validatingadmissionpolicybindings' },
    ...{ part: 'admission', content: ['spec'], seesOthers: false },
  },
];

const found = ['list', 'watch', 'create'] as const;
const changed = ['get', 'update', 'delete'] as const;

/** For the mesh's ConfigMaps and the policies of admission: others of their kinds are found, and never touched. */
export const keepRules: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['configmaps'], verbs: found },
  { apiGroups: [''], resources: ['configmaps'], resourceNames: [meshConfigMapName], verbs: changed },
  ...keptAdmissionPolicies.flatMap(({ place: { group, plural } }) => {
    const resourceNames = [...new Set(admissionPolicies.map(({ metadata }) => metadata.name))];
    return [
      { apiGroups: [group], resources: [plural], verbs: found },
      { apiGroups: [group], resources: [plural], resourceNames, verbs: changed },
    ];
  }),
  // Whoever writes a policy with a parameter must be allowed to read that.
  { apiGroups: ['coffre.dev'], resources: ['tenants'], verbs: ['get', 'list'] },
];

/** For the NetworkPolicies of tenants, and where kubelets ask from. */
export const networkPolicyRules: readonly PolicyRule[] = [
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: [...found, ...changed] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['list', 'watch'] },
];
