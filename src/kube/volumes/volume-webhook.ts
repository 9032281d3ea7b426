/**
 * When an API server asks the volume wall: the rules of its webhook, and what the control plane must be allowed to read.
 *
 * A volume lives in no namespace, so a `namespaceSelector` exempts none: whose it is stands in the object, and conditions
 * read it there. Nor is anybody asked about an update that leaves the `spec` as it is: with nobody there to answer, what
 * holds a volume can still let go of it. VolumeAttachments are not asked about at all: with nobody there to answer, no
 * node could attach anything. The audit tells of them.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import { literal } from '../crds/field-rule.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { type Webhook, webhookDefaults } from '../webhook/registration.ts';

/** Who may do with storage what they like: Kubernetes' own, and ours. */
const exempted = literal(['kube-system', systemNamespace]);
const operations = ['CREATE', 'UPDATE'] as const;
const written = {
  name: 'what-is-written',
  expression: "request.operation == 'CREATE' || object.spec != oldObject.spec",
};

/** @param isFor whose object `it` is, in CEL: both it and what stood there before must be the system's to be exempted. */
function exceptOfTheSystem(isFor: (it: string) => string) {
  const both = `${isFor('object')} in ${exempted} && (request.operation == 'CREATE' || ${isFor('oldObject')} in ${exempted})`;
  return [written, { name: 'not-of-the-system', expression: `!(${both})` }];
}

export const volumeWebhooks: readonly Webhook[] = [
  {
    name: 'volumes.coffre.dev',
    ...webhookDefaults,
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['persistentvolumes'] }],
    matchConditions: exceptOfTheSystem((it) => `${it}.spec.?claimRef.?namespace.orValue('')`),
  },
  {
    name: 'claims.volumes.coffre.dev',
    ...webhookDefaults,
    rules: [
      { apiGroups: [''], apiVersions: ['v1'], operations, resources: ['persistentvolumeclaims'] },
      { apiGroups: ['snapshot.storage.k8s.io'], apiVersions: ['v1'], operations, resources: ['volumesnapshots'] },
    ],
    matchConditions: exceptOfTheSystem(() => 'request.namespace'),
  },
  {
    name: 'snapshot-contents.volumes.coffre.dev',
    ...webhookDefaults,
    rules: [
      {
        apiGroups: ['snapshot.storage.k8s.io'],
        apiVersions: ['v1'],
        operations,
        resources: ['volumesnapshotcontents'],
      },
    ],
    matchConditions: exceptOfTheSystem((it) => `${it}.spec.volumeSnapshotRef.?namespace.orValue('')`),
  },
];

/** What the control plane needs to know the storage of a cluster. */
export const volumeRules: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['persistentvolumes', 'persistentvolumeclaims', 'pods'], verbs: ['list', 'watch'] },
  {
    apiGroups: ['snapshot.storage.k8s.io'],
    resources: ['volumesnapshots', 'volumesnapshotcontents'],
    verbs: ['list', 'watch'],
  },
  { apiGroups: ['storage.k8s.io'], resources: ['volumeattachments'], verbs: ['list', 'watch'] },
];
