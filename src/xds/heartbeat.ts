/**
 * Resources that a client drops unless it hears of them: the dead man's switch.
 *
 *   whole, with ttl ──0.3 ttl──▶ heartbeat ──0.3 ttl──▶ heartbeat ── … silence ──ttl──▶ the client has dropped it
 *
 * A heartbeat is the same version without content. It is owed no answer and holds nothing back; its nonce tells the
 * answers apart. It says nothing to a client that does not hold that version, so what an outstanding response carries
 * gets none until the answer is there, and what we were silent about for a whole TTL, or what the client refused to hear
 * a heartbeat of, is sent whole instead.
 * The surprise: after such a silence the fault that the TTL ended would begin anew. A resource that `lapses` is not
 * sent on that stream again instead, for as long as that version lies there, and the host is told.
 * Protocol: Envoy docs, api-docs/xds_protocol, "TTL".
 */
import { heartbeatShare } from './limits.ts';
import type { Send, StreamState } from './order.ts';
import type { Protocol, XdsRequest } from './protocol.ts';
import type { Resource } from './resource.ts';
import { disbelieved, lapsedOf, type TypeState, unknownVersion } from './type-state.ts';

interface Living {
  readonly resource: Resource & { readonly ttlMs: number };
  /** When the client was last told of it. Epoch ms. */
  readonly toldAtMs: number;
}

/** What the client holds and will drop. */
function livingIn({ toldAtMs, held }: TypeState): readonly Living[] {
  return [...toldAtMs].flatMap(([name, atMs]) => {
    const resource = held.get(name);
    if (resource === undefined || !('any' in resource) || resource.version === unknownVersion) return [];
    const { ttlMs } = resource;
    return ttlMs === undefined ? [] : [{ resource: { ...resource, ttlMs }, toldAtMs: atMs }];
  });
}

function beatAtMs({ resource, toldAtMs }: Living): number {
  return toldAtMs + resource.ttlMs * heartbeatShare;
}

/** When the next heartbeat is due, in epoch ms; it may be in the past. */
export function nextBeatAtMs<R extends XdsRequest>(protocol: Protocol<R>, { types }: StreamState): number | undefined {
  let nextMs = Infinity;
  for (const type of types.values()) {
    if (type.toldAtMs.size === 0) continue;
    for (const living of livingIn(type)) {
      if (protocol.mayBeat(type, living.resource.name)) nextMs = Math.min(nextMs, beatAtMs(living));
    }
  }
  return nextMs === Infinity ? undefined : nextMs;
}

/** Of one type: what the client may have dropped, and is not sent again. */
export interface Lapsed {
  readonly typeUrl: string;
  readonly names: readonly string[];
}

/** The heartbeats that are due. What the client must have dropped by now is believed no more, so that a plan sends it. */
export function beat<R extends XdsRequest>(
  protocol: Protocol<R>,
  state: StreamState,
  nowMs: number,
): { readonly state: StreamState; readonly sends: readonly Send[]; readonly lapsed: readonly Lapsed[] } {
  const types = new Map(state.types);
  const sends: Send[] = [];
  const lapsed: Lapsed[] = [];
  let { nonces } = state;
  for (const [typeUrl, before] of state.types) {
    const due = livingIn(before).filter(
      (each) => protocol.mayBeat(before, each.resource.name) && beatAtMs(each) <= nowMs,
    );
    const isDropped = ({ resource, toldAtMs }: Living) => toldAtMs + resource.ttlMs <= nowMs;
    const { state: type, names } = dropped(before, due.filter(isDropped));
    if (names.length > 0) lapsed.push({ typeUrl, names });
    const resources = due.filter((each) => !isDropped(each)).map(({ resource }) => resource);
    types.set(typeUrl, type);
    if (resources.length === 0) continue;
    nonces += 1;
    const nonce = `${heartbeatMark}${nonces}`;
    const toldAtMs = new Map([...type.toldAtMs, ...resources.map(({ name }) => [name, nowMs] as const)]);
    types.set(typeUrl, { ...type, nonce, toldAtMs });
    const { revision } = state.newest;
    sends.push({ typeUrl, nonce, revision, version: type.ackedVersion, form: 'heartbeat', resources, removed: [] });
  }
  return { state: { ...state, types, nonces }, sends, lapsed };
}

/** The client holds these no more. `names`: of those that are not sent again. */
function dropped(type: TypeState, gone: readonly Living[]) {
  const lapsed = gone.filter(({ resource }) => resource.lapses).map(({ resource }) => resource.name);
  const others = gone.filter(({ resource }) => !resource.lapses).map(({ resource }) => resource.name);
  return { state: lapsedOf(disbelieved(type, others), lapsed), names: lapsed };
}

/** First letter of the nonces of heartbeats; those of responses are numbers. */
const heartbeatMark = 'h';

export function isOfHeartbeat(nonce: string): boolean {
  return nonce.startsWith(heartbeatMark);
}

/** The client refused a heartbeat: it does not hold what we thought. */
export function beatRefused(type: TypeState): {
  readonly state: TypeState;
  readonly resources: ReadonlyMap<string, string>;
  /** Names of those that are not sent again. */
  readonly lapsed: readonly string[];
} {
  const living = livingIn(type);
  const { state, names: lapsed } = dropped(type, living);
  return { state, resources: new Map(living.map(({ resource }) => [resource.name, resource.version])), lapsed };
}

/** Writes down when the client was sent something, and told of what it will drop. */
export function told(state: StreamState, sends: readonly Send[], nowMs: number): StreamState {
  if (sends.length === 0) return state;
  const types = new Map(state.types);
  for (const { typeUrl, form, resources } of sends) {
    const type = types.get(typeUrl);
    if (type === undefined || form === 'heartbeat') continue;
    const mortal = form === 'plain' ? [] : resources.filter(({ ttlMs }) => ttlMs !== undefined);
    if (mortal.length + type.toldAtMs.size === 0) {
      types.set(typeUrl, { ...type, sentAtMs: nowMs });
      continue;
    }
    const toldAtMs = new Map([...type.toldAtMs].filter(([name]) => type.held.has(name)));
    for (const { name } of mortal) toldAtMs.set(name, nowMs);
    types.set(typeUrl, { ...type, toldAtMs, sentAtMs: nowMs });
  }
  return { ...state, types };
}
