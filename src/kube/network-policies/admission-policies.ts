/**
 * Who writes a NetworkPolicy that opens more of a tenant than the mesh does hears of it at once, from the API server itself.
 *
 *   NetworkPolicy with rules, of a tenant, by anybody but us ──▶ written, with a warning and a word in the audit log
 *
 * It is not refused by itself: charts bring NetworkPolicies along, sidecars ask for a certificate all the same, and pods
 * without one are for their tenant to guard. Whoever wants it refused binds the same policy once more, with `Deny`.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import {
  bindingOf,
  outsideTheSystem,
  policyMetadata,
  tenantParam,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
} from '../admission-policy.ts';
import { literal } from '../crds/field-rule.ts';

const name = 'coffre-network-policies-open-nothing';
const rulesOf = (field: string) => `object.spec.?${field}.orValue([]).size()`;

export const networkAdmissionPolicies: readonly (ValidatingAdmissionPolicy | ValidatingAdmissionPolicyBinding)[] = [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: policyMetadata(name),
    spec: {
      failurePolicy: 'Fail',
      paramKind: tenantParam,
      matchConstraints: {
        namespaceSelector: outsideTheSystem,
        resourceRules: [
          {
            apiGroups: ['networking.k8s.io'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['networkpolicies'],
          },
        ],
      },
      matchConditions: [
        { name: 'what-is-written', expression: "request.operation == 'CREATE' || object.spec != oldObject.spec" },
        {
          name: 'not-by-the-mesh',
          expression: `request.userInfo.username != ${literal(`system:serviceaccount:${systemNamespace}:coffre`)}`,
        },
      ],
      variables: [],
      validations: [
        {
          expression: `request.namespace != params.metadata.name || ${rulesOf('ingress')} + ${rulesOf('egress')} == 0`,
          messageExpression:
            "'NetworkPolicies are a union, so what this one lets pass passes beside the mesh’s own; open ways of `' + params.metadata.name + '` by a `Grant`, an `AccessPolicy` or `egress` of the tenant'",
          reason: 'Forbidden',
        },
      ],
    },
  },
  bindingOf(name, ['Warn', 'Audit']),
];
