/** Who an event is about, by what was proved or seen, and never by what was claimed. */

import { tenantOf } from '../evidence/access-log/tenant-of.ts';
import type { Peer, Target } from '../evidence/event.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';

/** The identity that a handshake proved, or the workload whose own proxy or address it was. */
export function provenCaller({ identity, workload }: Peer): string | undefined {
  return identity ?? workload;
}

/** The same, or at least where it came from. */
export function callerOrAddress(from: Peer): string | undefined {
  return provenCaller(from) ?? addressOf(from);
}

/** Without its port, which a caller changes with every connection. */
export function addressOf({ address }: Peer): string | undefined {
  const host = address?.replace(/:\d+$/, '');
  return host === '' ? undefined : host;
}

export function tenantOfCaller({ identity, workload }: Peer): string | undefined {
  if (identity === undefined) return workload === undefined ? undefined : tenantOf(workload);
  const parsed = parseSpiffeId(identity);
  return parsed.kind === 'ok' ? parsed.id.namespace : undefined;
}

/** What was dialled, as exactly as it is known. */
export function dialled({ address, workload, port }: Target): string | undefined {
  return address ?? (workload === undefined ? undefined : `${workload}:${port ?? 0}`);
}
