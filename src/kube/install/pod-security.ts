/**
 * Namespaces of tenants that would refuse every injected pod: Pod Security of Kubernetes knows levels for a whole namespace, and the
 * init container that leads a pod through its sidecar has NET_ADMIN, which only `privileged` lets in.
 *
 * What the label lets in beside it our webhook refuses where it leads past a sidecar or into the node (`dangers.ts`), and no more.
 */
import type { Problem } from '../../model/problem.ts';
import { clusterProblem } from '../cluster-problem.ts';
import type { KubeObject } from '../objects.ts';

const enforceLabel = 'pod-security.kubernetes.io/enforce';
const needed = 'privileged';

/** @param namespaces of the cluster. A namespace without the label is as the API server’s configuration says, which nobody can read. */
export function podSecurityProblems(
  tenants: readonly KubeObject[],
  namespaces: readonly KubeObject[],
): readonly Problem[] {
  const names = new Set(tenants.map(({ metadata }) => metadata.name));
  return namespaces.flatMap(({ metadata: { name, labels } }) => {
    const level = labels?.[enforceLabel];
    if (!names.has(name) || level === undefined || level === needed) return [];
    return [
      clusterProblem(
        { kind: 'Namespace', namespace: '', name },
        {
          code: 'unsupported-value',
          severity: 'error',
          path: `metadata.labels['${enforceLabel}']`,
          message: `the namespace enforces \`${level}\`, which refuses the init container that leads a pod through its sidecar: no pod of this tenant can begin`,
          advice: `set it to \`${needed}\`; the webhook of Coffre refuses in these pods what would lead past a sidecar or into the node`,
        },
      ),
    ];
  });
}
