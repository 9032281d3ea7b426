/**
 * Who may ask for the token that a sidecar proves its pod's identity by: the kubelet of a node, and nobody else.
 *
 *   TokenRequest for our audience ──by a node?──▶ made | refused by the API server itself
 *
 * Kubernetes lets every editor of a namespace ask for tokens of its service accounts, for any audience and bound to any pod
 * there: with one of those a laptop would be that pod, and hold its key. A mounted token is asked for by the node, once
 * admission has looked at the pod; which pods a node may speak for is judged by the API server's own `NodeRestriction`.
 * Whether a namespace is a tenant's does not matter, since workers and replicas prove themselves by such tokens, too.
 */
import { tokenAudience } from '../../identity/token-claims.ts';
import { literal } from '../crds/field-rule.ts';
import type { KubeObject } from '../objects.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';
const metadata = { name: 'coffre-tokens-are-asked-for-by-nodes', labels: { 'app.kubernetes.io/part-of': 'coffre' } };

const audience = literal(tokenAudience);
const isNode =
  "request.userInfo.username.startsWith('system:node:') && 'system:nodes' in request.userInfo.?groups.orValue([])";

/** The policy, and what binds it: to everybody, cluster administrators as well. */
export const tokenAdmissionPolicies: readonly KubeObject[] = [
  {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata,
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['serviceaccounts/token'] },
        ],
      },
      matchConditions: [{ name: 'for-us', expression: `${audience} in object.spec.?audiences.orValue([])` }],
      validations: [
        {
          expression: isNode,
          message: `a token for \`${tokenAudience}\` is what a sidecar proves its pod's identity by, so only the kubelet of a node asks for one; ask for the audience of whom you speak to`,
          reason: 'Forbidden',
        },
      ],
    },
  },
  {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata,
    spec: { policyName: metadata.name, validationActions: ['Deny'] },
  },
];
