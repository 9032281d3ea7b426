/**
 * The last refusal that the evidence holds between two parties, for who has no id: a connection that was closed shows none.
 *
 *   --from, --to ──events of the caller, newest first──▶ the first that was refused on its way to that destination
 */
import type { EventKind, EvidenceEvent } from '../evidence/event.ts';
import type { Destination, Explanation } from '../policy/explain.ts';
import { type DoorOptions, tryDoor } from './door-options.ts';
import type { PastDecision } from './find-decision.ts';
import { pastOfEvent } from './past-event.ts';

const refusals: readonly EventKind[] = [
  'denial',
  'plaintext-attempt',
  'handshake-failure',
  'undeclared-port',
  'breaker-overflow',
];

/** Events of one caller that are looked through. */
const lookedThroughMax = 200;

/** @param from SPIFFE ID, `tenant/service-account`, workload or address. @param now who stands behind the destination. */
export async function lastRefusal(
  options: DoorOptions,
  from: string,
  to: Destination,
  now: Explanation,
): Promise<PastDecision | undefined> {
  const asked = await tryDoor(options, 'events', { from, kinds: [...refusals], limit: lookedThroughMax });
  if (asked.kind !== 'answered') return undefined;
  const behind = now.kind === 'judged' ? now.judgements.map(({ workload, port }) => `${workload}:${port}`) : [];
  const found = asked.value.events.find(({ event }) => leadsTo(event, to, behind));
  return found && pastOfEvent(found.event);
}

/** @param behind workloads and ports of the destination. */
function leadsTo(event: EvidenceEvent, to: Destination, behind: readonly string[]): boolean {
  if (!('to' in event)) return false;
  const { workload, port, service, cluster, address } = event.to;
  if (workload !== undefined && behind.includes(`${workload}:${port}`)) return true;
  if (to.kind === 'address') return address === `${to.address}:${to.port}` || address === `[${to.address}]:${to.port}`;
  const isPort = to.port === undefined || to.port === port;
  // A cluster of a caller's sidecar is named after service and port.
  return (service === to.service && isPort) || cluster?.startsWith(`${to.service}/${to.port ?? ''}`) === true;
}
