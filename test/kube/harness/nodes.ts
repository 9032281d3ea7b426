/** Nodes as an API server knows them by name and group; their kubelets are the tests, which speak for them as the admin may. */
import type { Kube } from './kube.ts';

/** Whom a kubelet's certificate names. */
export function nodeUser(node: string) {
  return { name: `system:node:${node}`, group: 'system:nodes' } as const;
}

/** No Node authorizer runs in the tests: nodes may what Kubernetes' own role for them says. */
export async function allowNodes(kube: Kube): Promise<void> {
  const { group: name } = nodeUser('');
  const apiGroup = 'rbac.authorization.k8s.io';
  const { status, body } = await kube.request('POST', `/apis/${apiGroup}/v1/clusterrolebindings`, {
    metadata: { name: 'nodes-of-the-tests' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'system:node' },
    subjects: [{ apiGroup, kind: 'Group', name }],
  });
  // Of another file of the same cluster.
  if (status !== 201 && status !== 409) throw new Error(JSON.stringify(body));
}
