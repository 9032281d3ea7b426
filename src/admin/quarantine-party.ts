/**
 * Which identity is meant, and whether it may be cut off: only one that a workload of the mesh has, in the asker's scope.
 *
 *   `tenant/pod`, `tenant/service-account`, SPIFFE ID ──▶ SPIFFE ID     event of our evidence ──▶ the identity it proved
 *
 * What a handshake only claimed is nobody's: whoever can send a certificate could have anybody cut off.
 */
import type { EvidenceEvent, Peer } from '../evidence/event.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { formatSpiffeId, parseSpiffeId } from '../model/spiffe-id.ts';
import { type Scope, sees } from './person.ts';

export interface Party {
  readonly spiffeId: string;
  readonly tenant: string;
}

export type FoundParty =
  | { readonly kind: 'party'; readonly party: Party }
  | { readonly kind: 'not-found' | 'refused'; readonly message: string; readonly advice: string };

/** @param text of whoever asks. */
export function partyNamed(snapshot: Snapshot, scope: Scope, text: string): FoundParty {
  const workload = snapshot.workloads.get(text);
  const [namespace = '', serviceAccount = '', more] = text.split('/');
  const { trustDomain } = snapshot.mesh;
  const spiffeId =
    workload?.spiffeId ?? (more === undefined ? formatSpiffeId({ trustDomain, namespace, serviceAccount }) : text);
  const known = [...snapshot.workloads.values()].find((each) => each.spiffeId === spiffeId);
  if (known === undefined || !sees(scope, known.tenant)) return nobody(text);
  return { kind: 'party', party: { spiffeId, tenant: known.tenant } };
}

/** One that stands may be of a workload that is gone. @returns undefined where the text names none. */
export function standingNamed(
  snapshot: Snapshot,
  scope: Scope,
  text: string,
  standing: readonly Party[],
): Party | undefined {
  const named = partyNamed(snapshot, scope, text);
  const [namespace, serviceAccount] = text.split('/');
  return standing.find((each) => {
    if (!sees(scope, each.tenant)) return false;
    if (each.spiffeId === text || (named.kind === 'party' && named.party.spiffeId === each.spiffeId)) return true;
    const parsed = parseSpiffeId(each.spiffeId);
    return parsed.kind === 'ok' && parsed.id.namespace === namespace && parsed.id.serviceAccount === serviceAccount;
  });
}

/**
 * @param events that have the id, as a query of the caller's scope found them.
 * @param party that the alarm names, if it names one.
 */
export function partyOfEvent(
  snapshot: Snapshot,
  scope: Scope,
  events: readonly EvidenceEvent[],
  party: Party | undefined,
): FoundParty {
  const peers = events.flatMap((event): readonly Peer[] =>
    'from' in event && event.from !== undefined ? [event.from] : [],
  );
  const proven = peers.flatMap(({ identity }) => identity ?? []);
  const claimed = peers.flatMap((each) => each.claimed ?? []);
  if (party !== undefined && proven.includes(party.spiffeId)) return { kind: 'party', party };
  const [first] = proven;
  if (party === undefined && first !== undefined) return partyNamed(snapshot, scope, first);
  if (claimed.length > 0) return onlyClaimed;
  return {
    kind: 'refused',
    message: 'the event names no such identity as its caller',
    advice: 'look at it with `coffre events --id ID`, and name the workload that the alarm is about',
  };
}

const onlyClaimed: FoundParty = {
  kind: 'refused',
  message: 'the identity of that event is only claimed: its handshake failed, so nobody has proved to be it',
  advice: 'find out by the address who it was; an identity is cut off for what it did, and not for what somebody said',
};

function nobody(text: string): FoundParty {
  return {
    kind: 'not-found',
    message: `\`${text}\` is no workload of this mesh that you may act on`,
    advice:
      'name a pod or a service account as `tenant/name`, or a SPIFFE ID; `coffre status` lists the workloads there are',
  };
}
