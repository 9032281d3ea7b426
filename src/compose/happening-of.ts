/**
 * One event of the evidence as a report of a drill tells it; most become one line of a few words, and some none.
 *
 *   EvidenceEvent ──happeningOf──▶ Call (who called whom, and what came of it) · Occurrence · nothing
 *
 * Part of the composition root: the room of drills knows no evidence. Who called is told by what was proved, else by
 * workload or address, and never by what was claimed.
 */
import type { WantedHappenings } from '../chaos/ports.ts';
import type { Call, Happening, Occurrence, OccurrenceWord } from '../chaos/report/happening.ts';
import type { EvidenceEvent, Peer, Target } from '../evidence/event.ts';
import { parseSpiffeId } from '../model/spiffe-id.ts';

/** Objects of a publication that are named. */
const objectsNamedMax = 3;

/** A breaker turned it away. Source: Envoy, access log, `RESPONSE_FLAGS`. */
const overflowFlag = 'UO';

type Edge = Pick<WantedHappenings, 'clusters' | 'endpoints' | 'accounts'>;

/** @param personOf name behind what the event says of a person. */
export function happeningOf(
  event: EvidenceEvent,
  edge: Edge,
  personOf: (tenant: string, token: string) => string,
): Happening | undefined {
  const { atMs } = event;
  const told = (what: OccurrenceWord, about: string, words: string, more: Partial<Occurrence> = {}): Occurrence => ({
    ...{ kind: 'occurrence', atMs, what, about, words },
    ...more,
  });
  switch (event.kind) {
    case 'denial':
      return callOf(event, edge, 'denied', event.rule === undefined ? event.reason : `${event.reason}, ${event.rule}`);
    case 'breaker-overflow': {
      const { flags, request } = event;
      const detail = flags.length > 0 ? flags.join(', ') : String(request?.status ?? '');
      return callOf(event, edge, flags.includes(overflowFlag) ? 'overflow' : 'failed', detail);
    }
    case 'request':
      // Its caller's load report counts it; here it is told each time, and so has its moment.
      if (event.request.status >= 500) return callOf(event, edge, 'answered-error', String(event.request.status));
      return { ...callOf(event, edge, 'passed', ''), standsFor: event.standsFor };
    case 'plaintext-attempt':
      return told('plaintext-attempt', targetName(event.to), peerName(event.from, edge));
    case 'handshake-failure':
      return told('handshake-failure', targetName(event.to), `${peerName(event.from, edge)}, ${event.reason}`);
    case 'undeclared-port':
      return told('undeclared-port', event.to.address ?? targetName(event.to), peerName(event.from, edge));
    case 'ejection':
      return told(event.what, targetName(event.to), peerName(event.from, edge));
    case 'certificate':
      return told(
        'certificate',
        event.subject,
        [event.what, event.detail ?? ''].filter((part) => part !== '').join(': '),
      );
    case 'publication': {
      const rest = event.objectCount - objectsNamedMax;
      const named = event.objects.slice(0, objectsNamedMax).join(', ');
      const words = rest > 0 ? `${named} and ${rest} more` : named;
      return told('publication', event.revision ?? '', words, { proxies: event.proxies });
    }
    case 'push':
      return told('push', typeName(event.typeUrl), '', { proxies: event.proxyCount, resources: event.resources });
    case 'ack':
      return told('ack', typeName(event.typeUrl), '', { proxies: event.proxyCount });
    case 'nack':
      return told('nack', typeName(event.typeUrl), event.message, { proxies: 1 });
    case 'problem':
      return told(event.what === 'appeared' ? 'problem' : 'problem-solved', event.code, event.text);
    case 'human-action':
      return told('person', event.method, personOf(event.tenant, event.person));
    case 'quarantine':
      return told('detector', 'quarantine', `${event.act}: ${event.identity}: ${event.reason}`);
    case 'detector':
      return told('detector', event.detector, event.text);
    case 'store':
      return told('store', event.what, event.text);
    case 'loss':
      return told('loss', event.where, `${event.count}: ${event.why}`);
    case 'drill':
      // The drill tells its own story.
      return undefined;
  }
}

function callOf(
  { atMs, from, to }: { readonly atMs: number; readonly from: Peer; readonly to: Target },
  edge: Edge,
  outcome: Call['outcome'],
  detail: string,
): Call {
  return {
    kind: 'call',
    atMs,
    caller: peerName(from, edge),
    ...(from.workload === undefined ? {} : { proxy: from.workload }),
    callee: to.cluster ?? targetName(to),
    onEdge: edge.clusters.has(to.cluster ?? '') || edge.endpoints.has(to.workload ?? ''),
    outcome,
    detail,
    standsFor: 1,
  };
}

function peerName({ identity, workload, address }: Peer, { accounts }: Edge): string {
  const proved = identity === undefined ? undefined : parseSpiffeId(identity);
  if (proved?.kind === 'ok') return `${proved.id.namespace}/${proved.id.serviceAccount}`;
  return accounts.get(workload ?? '') ?? workload ?? address ?? '';
}

function targetName({ workload, cluster, address }: Target): string {
  return workload ?? cluster ?? address ?? '';
}

/** `Cluster` of `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
function typeName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
