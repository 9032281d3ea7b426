/**
 * What every namespace of a tenant holds for its sidecars: the mesh's root, and the files that name root and token to Envoy.
 *
 *   ConfigMap coffre-mesh ┐
 *   projected token ──────┴▶ one projected volume ──watched──▶ Envoy rereads root and token without a restart
 *
 * None of it is secret, and all of it is trusted: who changes the root chooses the control plane of the namespace's pods.
 * So it is written, and may be written, by the control plane alone.
 */
import { rootSds, sdsFileNames, tokenSds } from '../../identity/sds-files.ts';
import { meshConfigMapName } from './names.ts';

/** Where the projected volume is, in the sidecar. */
export const identityPath = '/var/run/coffre/identity';
export const rootFile = 'root.crt';
export const tokenFile = 'token';

/** @param rootPem of the mesh, one certificate or, while it changes, two. */
export function meshConfigMap(namespace: string, rootPem: string) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: meshConfigMapName, namespace, labels: { 'app.kubernetes.io/part-of': 'coffre' } },
    data: {
      [rootFile]: rootPem,
      [sdsFileNames.root]: rootSds(`${identityPath}/${rootFile}`, identityPath),
      [sdsFileNames.token]: tokenSds(`${identityPath}/${tokenFile}`),
    },
  } as const;
}
