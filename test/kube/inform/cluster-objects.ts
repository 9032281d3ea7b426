/** What the tests write into a cluster, and how. */
import type { Kube } from '../harness/kube.ts';

/** Requests under way at once. */
const together = 8;

/** @throws where the API server does not take one of them. */
export async function write(kube: Kube, ...objects: readonly object[]): Promise<void> {
  const waiting = objects.values();
  const work = async () => {
    for (const object of waiting) {
      const { status, body } = await kube.request('POST', pathOf(object), object);
      if (status !== 201) throw new Error(`${JSON.stringify(body).slice(0, 400)}`);
    }
  };
  await Promise.all(Array.from({ length: together }, work));
}

export async function remove(kube: Kube, object: object): Promise<void> {
  const { status } = await kube.request('DELETE', `${pathOf(object)}/${nameOf(object)}?gracePeriodSeconds=0`);
  if (status !== 200) throw new Error(`\`${nameOf(object)}\` could not be deleted: ${status}`);
}

export function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function account(space: string, name: string): object {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: space, name } };
}

export function tenant(name: string): object {
  return { apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', metadata: { name }, spec: { environment: 'prod' } };
}

export function mesh(trustDomain: string): object {
  return { apiVersion: 'coffre.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'default' }, spec: { trustDomain } };
}

export function grant(space: string, name: string, from: string): object {
  const spec = { from: { tenant: from }, to: { service: 'api' }, reason: 'they need it' };
  return { apiVersion: 'coffre.dev/v1alpha1', kind: 'Grant', metadata: { namespace: space, name }, spec };
}

/** @param bytes of one value in it that nobody reads. */
export function pod(space: string, name: string, bytes = 0): object {
  const env = [{ name: 'NOTE', value: 'x'.repeat(bytes) }];
  const spec = { serviceAccountName: 'default', containers: [{ name: 'app', image: 'app', env }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace: space, name }, spec };
}

const plurals: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Pod: 'pods',
  Mesh: 'meshes',
  Tenant: 'tenants',
  Grant: 'grants',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
};

function pathOf(object: object): string {
  const { apiVersion, kind, metadata } = object as {
    apiVersion: string;
    kind: string;
    metadata: { namespace?: string };
  };
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${place}/${plurals[kind]}`;
}

function nameOf(object: object): string {
  return (object as { metadata: { name: string } }).metadata.name;
}
