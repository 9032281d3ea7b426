/**
 * `AccessPolicy`: who may call which workloads of one tenant.
 *
 * No rule of it opens the tenant wall: a rule that names another tenant speaks of callers whom a grant let in.
 */
import Type from 'typebox';
import {
  dnsLabel,
  labels,
  listOf,
  methods,
  ourNamespacedMetadata,
  ourObject,
  ourStatus,
  paths,
  portNumber,
  subdomain,
} from './fields.ts';

const rule = ourObject(
  {
    from: Type.Optional(
      Type.Object(
        {
          tenants: Type.Optional(listOf(dnsLabel('Name of a tenant.', 'billing'), 'Every workload of these tenants.')),
          serviceAccounts: Type.Optional(
            listOf(
              subdomain('Name of a service account of this namespace.', 'cart'),
              'Workloads of this tenant that run under these service accounts.',
            ),
          ),
          principals: Type.Optional(
            listOf(
              Type.String({
                description: 'SPIFFE ID of a workload of this mesh, exactly.',
                examples: ['spiffe://prod.example/ns/billing/sa/invoicer'],
                minLength: 1,
                maxLength: 2_048,
                pattern: '^spiffe://[a-z0-9.-]+/ns/[a-z0-9-]+/sa/[a-z0-9.-]+$',
              }),
              'Workloads by SPIFFE ID.',
            ),
          ),
        },
        {
          description: 'Callers the rule speaks of, any one of the lists suffices; absent means every caller.',
          additionalProperties: false,
          minProperties: 1,
        },
      ),
    ),
    to: Type.Optional(
      Type.Object(
        {
          methods: Type.Optional(methods),
          paths: Type.Optional(paths),
          ports: Type.Optional(
            listOf(
              portNumber('Port of the workload, on which the application listens.'),
              'Ports of the workload, not of the service; absent means every port.',
              64,
            ),
          ),
        },
        {
          description: 'Requests the rule speaks of, all that is named must hold; absent means every request.',
          additionalProperties: false,
          minProperties: 1,
        },
      ),
    ),
  },
  'One rule: these callers, these requests.',
);

export const accessPolicySchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('AccessPolicy', { description: 'Kind of the object.' }),
    metadata: ourNamespacedMetadata(),
    spec: ourObject(
      {
        selector: Type.Optional(
          ourObject(
            { matchLabels: Type.Optional(labels('Labels that a workload must all carry.')) },
            'Workloads the policy protects; absent means every workload of the tenant.',
          ),
        ),
        allow: Type.Optional(listOf(rule, 'Rules that let a request pass.', 128)),
        deny: Type.Optional(listOf(rule, 'Rules that refuse a request, whatever else allows it.', 128)),
      },
      'Whom the policy protects, and its rules.',
    ),
    status: ourStatus,
  },
  'Who may call which workloads of one tenant.',
);

export type AccessPolicyObject = Type.Static<typeof accessPolicySchema>;
export type AccessRuleObject = Type.Static<typeof rule>;
