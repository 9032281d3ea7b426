/**
 * Whose stream it is: what the API server says of a token, held against the pod that it names.
 *
 *   bound token + pod of that uid ──▶ a workload | an authorization worker | refused, and why
 *
 * A token says who its pod was when it was made. So the pod is looked at as it is: it exists, runs as this account on this
 * node, was injected by us, and is not on its way out. One that began to end keeps what it was attested as, since it serves
 * until it has gone; it is only not attested for the first time.
 */
import type { TokenSubject } from '../../identity/token-claims.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import type { RegisteredPod } from './pod-register.ts';
import type { BoundToken } from './token-review.ts';

/** Service account of the authorization workers, in the system's namespace. */
const workerAccount = 'coffre-authz';

export type Attested =
  | { readonly kind: 'workload'; readonly subject: TokenSubject }
  /** `pod`: `namespace/name`. */
  | { readonly kind: 'worker'; readonly pod: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** @param wasAttested whether the pod was, by whatever token. */
export function judgeToken(token: BoundToken, pod: RegisteredPod | undefined, wasAttested: boolean): Attested {
  const { namespace, serviceAccount, node } = token;
  if (pod === undefined) return refused('its pod is not there, or not any more');
  if (pod.key !== `${namespace}/${token.pod.name}`) return refused('its pod has another name');
  if (pod.serviceAccount !== serviceAccount) return refused('its pod runs as another service account');
  if (node === undefined) return refused('it names no node, so it was not made for a pod that runs');
  if (pod.node !== node) return refused('its pod runs on another node');
  if (pod.isEnding && !wasAttested) return refused('its pod is on its way out');
  if (namespace === systemNamespace) {
    return serviceAccount === workerAccount
      ? { kind: 'worker', pod: pod.key }
      : refused('it is of a part that has no proxy');
  }
  if (!pod.isInjected) return refused('its pod was not injected by us');
  return { kind: 'workload', subject: { workload: pod.key, serviceAccount } };
}

function refused(reason: string): Attested {
  return { kind: 'refused', reason };
}
