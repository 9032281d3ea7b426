/** Least definitions of the snapshot kinds, which are no part of an API server: as the wall reads them, and status beside. */
const group = 'snapshot.storage.k8s.io';
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;

function definition(kind: string, plural: string, scope: 'Namespaced' | 'Cluster') {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
    },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
        },
      ],
    },
  };
}

export const snapshotDefinitions = [
  definition('VolumeSnapshot', 'volumesnapshots', 'Namespaced'),
  definition('VolumeSnapshotContent', 'volumesnapshotcontents', 'Cluster'),
];
