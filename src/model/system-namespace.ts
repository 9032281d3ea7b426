import { formatSpiffeId } from './spiffe-id.ts';

/** The namespace that Coffre's own parts are named in. No tenant may have it: its workloads would bear our names. */
export const systemNamespace = 'coffre-system';

/**
 * Who the control plane is where it comes as a client: to the inspection door of a sidecar. Its CA is the system
 * namespace's own, made and replaced as a tenant's is.
 */
export function controlPlaneSpiffeId(trustDomain: string): string {
  return formatSpiffeId({ trustDomain, namespace: systemNamespace, serviceAccount: 'coffre' });
}
