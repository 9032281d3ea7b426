/**
 * When an API server asks about what runs: pods, what is done to them, whom their sidecars believe, and their namespaces.
 *
 * Nobody is asked about what would come to nothing: with no control plane there to answer, a job can still take its
 * finalizers off its pods, somebody can still step into an application, and a namespace can still go.
 */
import { literal } from '../crds/field-rule.ts';
import { containerNames, meshConfigMapName, ownPrefix } from '../inject/names.ts';
import { type Webhook, webhookDefaults } from './registration.ts';

const core = { apiGroups: [''], apiVersions: ['v1'] } as const;

/** Of whose objects Kubernetes itself disposes, with and without accounts of their own for its controllers. */
const disposers = literal([
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
]);

export const injectWebhook: Webhook = {
  name: 'inject.coffre.dev',
  ...webhookDefaults,
  rules: [
    { ...core, operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
    // A guest gets a user.
    { ...core, operations: ['UPDATE'], resources: ['pods/ephemeralcontainers'], scope: 'Namespaced' },
  ],
  // Others may have added containers.
  reinvocationPolicy: 'IfNeeded',
};

const changed = (field: string) => `object.${field} != oldObject.${field}`;

export const podWebhook: Webhook = {
  name: 'pods.coffre.dev',
  ...webhookDefaults,
  rules: [
    {
      ...core,
      operations: ['CREATE', 'UPDATE'],
      resources: ['pods', 'pods/ephemeralcontainers', 'pods/resize'],
      scope: 'Namespaced',
    },
  ],
  matchConditions: [
    {
      name: 'what-is-judged',
      expression: [
        "request.operation == 'CREATE'",
        ...['spec', 'metadata.?labels', 'metadata.?annotations'].map(changed),
      ].join(' || '),
    },
  ],
};

export const stepWebhook: Webhook = {
  name: 'steps.coffre.dev',
  ...webhookDefaults,
  rules: [{ ...core, operations: ['CONNECT'], resources: ['pods/exec', 'pods/attach'], scope: 'Namespaced' }],
  matchConditions: [
    { name: 'into-ours', expression: `object.?container.orValue('') in ${literal([...containerNames])}` },
  ],
};

export const configMapWebhook: Webhook = {
  name: 'config-maps.coffre.dev',
  ...webhookDefaults,
  rules: [{ ...core, operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'], scope: 'Namespaced' }],
  matchConditions: [
    // Of the object itself: a request that deletes a whole collection bears no name.
    {
      name: 'ours',
      expression: `(object != null ? object : oldObject).metadata.name == ${literal(meshConfigMapName)}`,
    },
    {
      name: 'not-of-a-namespace-that-goes',
      expression: `request.operation != 'DELETE' || !(request.userInfo.username in ${disposers})`,
    },
  ],
};

const hasOurs = (field: string) => `object.metadata.?${field}.orValue({}).exists(key, key.startsWith('${ownPrefix}'))`;

/** A label of a namespace takes nothing out of the mesh; who writes one is told so, instead of believing it. */
export const namespaceWebhook: Webhook = {
  name: 'namespaces.coffre.dev',
  ...webhookDefaults,
  rules: [{ ...core, operations: ['CREATE', 'UPDATE'], resources: ['namespaces'], scope: 'Cluster' }],
  matchConditions: [{ name: 'says-something-to-us', expression: `${hasOurs('labels')} || ${hasOurs('annotations')}` }],
};
