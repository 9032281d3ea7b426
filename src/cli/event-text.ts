/**
 * Events in a line each: when, in whose vault, what, from whom, to whom, and why.
 *
 *   2026-11-22T04:31:07.120Z  atelier  DENIED  shop/web  atelier/api:8080  GET /admin · no-allow-rule · 1f0c…
 *
 * Everything a peer chose is printed as it is kept; `table` takes the control characters out.
 */
import type { EvidenceEvent, Peer, RecordedRequest, Target } from '../evidence/event.ts';
import type { StoredEvent } from '../evidence/store.ts';
import { plural } from './plural.ts';
import { printable, table } from './table.ts';

export interface EventLine {
  readonly time: string;
  readonly tenant: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
  readonly told: string;
}

const head = ['Time', 'Tenant', 'What', 'From', 'To', 'Told'];

export function eventTable(events: readonly StoredEvent[]): string {
  return table(
    head,
    events.map(({ event }) => cells(eventLine(event))),
  );
}

/** For those who follow: no table, as its columns would move with every line. */
export function followedLine({ event }: StoredEvent): string {
  return printable(
    cells(eventLine(event))
      .filter((cell) => cell !== '')
      .join('  '),
  );
}

function cells({ time, tenant, what, from, to, told }: EventLine): readonly string[] {
  return [time, tenant, what, from, to, told];
}

export function eventLine(event: EvidenceEvent): EventLine {
  const { atMs, tenant, workload = '' } = event;
  const line = { time: new Date(atMs).toISOString(), tenant, from: '', to: '', ...tellEvent(event) };
  return { ...line, from: line.from || workload };
}

type Told = Pick<EventLine, 'what' | 'told'> & Partial<Pick<EventLine, 'from' | 'to'>>;

function tellEvent(event: EvidenceEvent): Told {
  switch (event.kind) {
    case 'denial': {
      const { verdict, from, to, request, reason, rule, decision, id } = event;
      const why = [requestText(request), reason, rule && `rule ${rule}`, decision ?? id];
      return { what: verdict === 'deny' ? 'DENIED' : 'UNAVAILABLE', ...ends(from, to), told: joined(why) };
    }
    case 'request': {
      const { from, to, request, durationMs, decision } = event;
      const took = `${Math.round(durationMs * 10) / 10} ms`;
      return { what: 'allowed', ...ends(from, to), told: joined([requestText(request), took, decision]) };
    }
    case 'plaintext-attempt': {
      const { from, to, silent, id } = event;
      const told = joined([silent ? 'said nothing until it was closed' : 'spoke something else than TLS', id]);
      return { what: 'PLAINTEXT', ...ends(from, to), told };
    }
    case 'handshake-failure': {
      const { from, to, sni, reason, id } = event;
      return { what: 'HANDSHAKE', ...ends(from, to), told: joined([reason, sni && `SNI ${sni}`, id]) };
    }
    case 'undeclared-port': {
      const { from, to, direction, id } = event;
      const told = direction === 'inbound' ? 'nothing is declared there' : 'stopped at the caller: no way there';
      return { what: 'UNDECLARED', ...ends(from, to), told: joined([told, id]) };
    }
    case 'breaker-overflow': {
      const { from, to, flags, request } = event;
      return { what: 'OVERFLOW', ...ends(from, to), told: joined([flags.join(','), requestText(request)]) };
    }
    case 'ejection': {
      const { from, to, what } = event;
      return { what, ...ends(from, to), told: what === 'ejected' ? 'out of the caller’s balancing' : 'in again' };
    }
    case 'certificate': {
      const { what, subject, notAfterMs, detail } = event;
      const end = notAfterMs === undefined ? undefined : `ends ${new Date(notAfterMs).toISOString()}`;
      return { what: `certificate ${what}`, told: joined([shortId(subject), end, detail]) };
    }
    case 'publication': {
      const { revision, proxies, objectCount, objects } = event;
      const changed =
        objectCount === 0 ? undefined : `${plural(objectCount, 'object')}: ${objects.slice(0, 3).join(', ')}`;
      return { what: 'published', told: joined([revision, plural(proxies, 'proxy', 'proxies'), changed]) };
    }
    case 'push':
    case 'ack': {
      const { kind, typeUrl, proxies, proxyCount, revision } = event;
      const others = proxyCount > 3 ? plural(proxyCount, 'proxy', 'proxies') : proxies.join(', ');
      return { what: kind === 'push' ? 'pushed' : 'acknowledged', told: joined([typeName(typeUrl), others, revision]) };
    }
    case 'nack': {
      const { typeUrl, resources, message } = event;
      return { what: 'NACK', told: joined([typeName(typeUrl), resources.slice(0, 3).join(', '), message]) };
    }
    case 'problem':
      return { what: `problem ${event.what}`, told: event.text };
    case 'drill':
      return { what: 'drill', told: joined([event.stream, stepsOf(event.body), `record ${event.sequence}`]) };
    case 'human-action': {
      const { person, method, about, status } = event;
      return { what: 'person', from: pseudonym(person), told: joined([method, about, String(status)]) };
    }
    case 'quarantine': {
      const { act, identity, person, reason } = event;
      const by = person === undefined ? '' : `by ${pseudonym(person)}`;
      return { what: `quarantine ${act}`, from: shortId(identity), told: joined([reason, by]) };
    }
    case 'detector': {
      const { severity, detector, about, text } = event;
      return { what: severity.toUpperCase(), from: shortId(about), told: joined([detector, text]) };
    }
    case 'store':
      return { what: `evidence ${event.what}`, told: event.text };
    case 'loss':
      return { what: 'LOST', told: `${plural(event.count, 'event')} at ${event.where}: ${event.why}` };
  }
}

function ends(from: Peer, to: Target): Pick<EventLine, 'from' | 'to'> {
  return { from: peerText(from), to: targetText(to) };
}

/** `namespace/serviceAccount` of a SPIFFE ID; what was only claimed is marked so. */
export function peerText({ identity, claimed, workload, address = '' }: Peer): string {
  if (identity !== undefined) return shortId(identity);
  if (workload !== undefined) return workload;
  return claimed === undefined ? address : `${address} (claims ${shortId(claimed)})`;
}

export function targetText({ workload, service, port, address, cluster = '' }: Target): string {
  const name = workload ?? service;
  if (name !== undefined) return port === undefined ? name : `${name}:${port}`;
  return address ?? cluster;
}

function shortId(spiffeId: string): string {
  const [, namespace, account] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(spiffeId) ?? [];
  return namespace === undefined ? spiffeId : `${namespace}/${account}`;
}

function requestText(request: RecordedRequest | undefined): string | undefined {
  return request && `${request.method} ${request.path} ${request.status || 'no answer'}`;
}

/** Who may not be told the name has no use for its sealed form. */
function pseudonym(person: string): string {
  return person.replace(/^(p:[0-9a-f]{12}):[\w-]+$/, '$1');
}

/** What a record of a drill's journal says happened, such as `planned, started`. */
function stepsOf(body: string): string | undefined {
  try {
    const { events }: { readonly events?: readonly { readonly kind?: unknown }[] } = JSON.parse(body);
    return events?.map(({ kind }) => String(kind)).join(', ');
  } catch {
    return undefined;
  }
}

function typeName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' · ');
}
