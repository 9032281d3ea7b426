/**
 * Whether a proxy is who it says: whoever can say vouches for its token, its node claims what the token says, and the workload
 * exists with that service account now. Only then is anything looked up for it. Authorization workers come by the same door.
 */
import type { BearerVerdict } from '../identity/bearer-verdict.ts';
import { quote } from '../model/quote.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Admission } from '../xds/ports.ts';
import { workerKey } from './configure.ts';

export interface ProxyClaim {
  readonly nodeId: string;
  readonly nodeCluster: string;
  /** Undefined until the sources have been read. */
  readonly snapshot: Snapshot | undefined;
}

export function admitProxy(token: BearerVerdict, claim: ProxyClaim): Admission {
  if (token.kind === 'unanswered') return nobodyCanSay;
  if (token.kind === 'refused') {
    return { kind: 'refused', status: 'UNAUTHENTICATED', reason: `token refused: ${token.reason}` };
  }
  const namespace = token.workload.slice(0, token.workload.indexOf('/'));
  if (claim.nodeId !== token.workload || claim.nodeCluster !== namespace) {
    return denied(
      `the token is of \`${token.workload}\` and the node claims ${quote(claim.nodeId)} in ${quote(claim.nodeCluster)}`,
    );
  }
  const { expiresAtMs, holder = token.workload } = token;
  if (token.workload === workerKey) return { kind: 'client', key: workerKey, holder, expiresAtMs };
  const workload = claim.snapshot?.workloads.get(token.workload);
  if (workload === undefined) return denied(`no tenant has a workload \`${token.workload}\``);
  if (workload.serviceAccount !== token.serviceAccount) {
    return denied(
      `\`${token.workload}\` runs as \`${workload.serviceAccount}\` and the token is of \`${token.serviceAccount}\``,
    );
  }
  return { kind: 'client', key: token.workload, expiresAtMs: token.expiresAtMs };
}

/** It is told so, and comes back. */
export const nobodyCanSay = {
  kind: 'refused',
  status: 'UNAVAILABLE',
  reason: 'nobody can say at the moment whose token it is',
} as const;

function denied(reason: string): Admission {
  return { kind: 'refused', status: 'PERMISSION_DENIED', reason };
}
