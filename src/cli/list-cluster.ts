/** Objects of a cluster, for a command that looks once. Where a kind is not known there, there are none of it. */
import { listObjects } from '../kube/install/list-objects.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { KubeObject } from '../kube/objects.ts';
import { CliFailure } from './cli-failure.ts';
import { exitCode } from './exit-code.ts';

const paths = {
  pods: '/api/v1/pods',
  namespaces: '/api/v1/namespaces',
  tenants: '/apis/coffre.dev/v1alpha1/tenants',
  grants: '/apis/coffre.dev/v1alpha1/grants',
  accesspolicies: '/apis/coffre.dev/v1alpha1/accesspolicies',
  trafficpolicies: '/apis/coffre.dev/v1alpha1/trafficpolicies',
  drillconsents: '/apis/coffre.dev/v1alpha1/drillconsents',
} as const;

/** @throws CliFailure where the API server refuses. */
export async function listed(
  cluster: KubeClient,
  plural: keyof typeof paths,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const objects = await listObjects(cluster, paths[plural], signal);
  if (objects === 404) return [];
  if (typeof objects !== 'number') return objects;
  throw new CliFailure(
    exitCode.unreachable,
    `the API server answered ${objects} to the question for all ${plural}`,
    'ask as somebody who administers the cluster',
  );
}
