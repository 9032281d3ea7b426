/**
 * A pod that is older than its tenant.
 *
 *   nobody's namespace: nobody is asked about pods ──Tenant──▶ a tenant's: each pod is injected, or refused
 *
 * What stands in a pod from before was written by whoever made it: a container of the sidecar's name, with the pod's identity
 * in the hands of its author. So such a pod gets none. A pod without that container is no wall either, but claims none.
 */
import { sidecarName } from '../own-containers.ts';
import { quote } from '../quote.ts';
import type { Tenant } from '../snapshot.ts';
import type { Finding, ValidObject } from '../sourced-object.ts';

/** A moment is known to the second: within one they count as made in order. In a folder nothing has an age. */
export function ageFinding(
  { ref, object: { metadata, spec } }: ValidObject<'Pod'>,
  { createdAt }: Tenant,
): Omit<Finding, 'severity'> | undefined {
  const made = metadata.creationTimestamp;
  const isOlder = made !== undefined && createdAt !== undefined && made < createdAt;
  const hasSidecar = (spec.initContainers ?? []).some(({ name }) => name === sidecarName);
  if (!isOlder || !hasSidecar) return undefined;
  return {
    code: 'sidecar-required',
    path: 'metadata.creationTimestamp',
    message: `${quote(`${ref.namespace}/${ref.name}`)} is older than its tenant, so nobody looked at its sidecar when it was made, and it gets no identity`,
    advice: 'replace the pod: delete it, and the next one is injected',
  };
}
