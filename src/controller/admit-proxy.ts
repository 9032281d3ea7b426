/**
 * Whether a proxy is who it says: its token is ours and alive, its node claims what the token says, and the workload
 * exists with that service account now. Only then is anything looked up for it. Authorization workers come by the same door.
 */
import type { TokenVerdict } from '../identity/token-claims.ts';
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

export function admitProxy(token: TokenVerdict, claim: ProxyClaim): Admission {
  if (token.kind === 'refused') {
    return { kind: 'refused', status: 'UNAUTHENTICATED', reason: `token refused: ${token.reason}` };
  }
  const namespace = token.workload.slice(0, token.workload.indexOf('/'));
  if (claim.nodeId !== token.workload || claim.nodeCluster !== namespace) {
    return denied(
      `the token is of \`${token.workload}\` and the node claims ${quote(claim.nodeId)} in ${quote(claim.nodeCluster)}`,
    );
  }
  if (token.workload === workerKey) return { kind: 'client', key: workerKey, expiresAtMs: token.expiresAtMs };
  const workload = claim.snapshot?.workloads.get(token.workload);
  if (workload === undefined) return denied(`no tenant has a workload \`${token.workload}\``);
  if (workload.serviceAccount !== token.serviceAccount) {
    return denied(
      `\`${token.workload}\` runs as \`${workload.serviceAccount}\` and the token is of \`${token.serviceAccount}\``,
    );
  }
  return { kind: 'client', key: token.workload, expiresAtMs: token.expiresAtMs };
}

function denied(reason: string): Admission {
  return { kind: 'refused', status: 'PERMISSION_DENIED', reason };
}
