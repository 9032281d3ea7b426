/** Where an API server keeps each kind that is read, and what we must be allowed to read it. */
import { type Kind, kinds } from '../../model/kinds/catalogue.ts';
import { ourKinds } from '../crds/custom-resource-definitions.ts';
import { resourceFacts } from '../crds/resource-facts.ts';
import type { PolicyRule } from '../policy-rule.ts';

/** One kind of objects, wherever they come from: of the mesh, or what only a cluster knows. */
export interface Place {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Whether a cluster may well have no such kind: then there is none of it, and nothing is wrong. */
  readonly isOptional: boolean;
  /** Only of this one; absent means all. */
  readonly namespace?: string;
  /** Only those that bear these labels; absent means all. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Resource extends Place {
  readonly kind: Kind;
}

const foreignPlurals = {
  HTTPRoute: 'httproutes',
  ReferenceGrant: 'referencegrants',
  Namespace: 'namespaces',
  Node: 'nodes',
  ServiceAccount: 'serviceaccounts',
  Service: 'services',
  Pod: 'pods',
  EndpointSlice: 'endpointslices',
} as const;

/** Every kind of the catalogue. */
export const resources: readonly Resource[] = [
  ...ourKinds.map((kind) => resourceOf(kind, resourceFacts[kind].plural)),
  ...Object.entries(foreignPlurals).map(([kind, plural]) => resourceOf(kind as keyof typeof foreignPlurals, plural)),
];

/** What the control plane needs to read the mesh. */
export const informRules: readonly PolicyRule[] = [...Map.groupBy(resources, ({ group }) => group)].map(
  ([group, ofGroup]) => ({
    apiGroups: [group],
    resources: ofGroup.map(({ plural }) => plural),
    verbs: ['list', 'watch'],
  }),
);

/** Of all objects of the kind, in one namespace or in every. */
export function collectionPath({ group, version, plural, namespace }: Place): string {
  const within = namespace === undefined ? plural : `namespaces/${namespace}/${plural}`;
  return group === '' ? `/api/${version}/${within}` : `/apis/${group}/${version}/${within}`;
}

function resourceOf(kind: Kind, plural: string): Resource {
  const { group, version, owner } = kinds[kind];
  return { kind, group, version, plural, isOptional: owner === 'gateway' };
}
