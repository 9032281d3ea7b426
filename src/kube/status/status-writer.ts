/**
 * Writes into each object's status what is wished for it: as the leader, in its term, over the version that it has read.
 *
 *   wishes ──queue──▶ read, if it is not known ──differs?──▶ replace (resourceVersion, term) ──▶ done | conflict | later
 *
 * It replaces and does not apply. A status is only right for the generation that was judged, the moment of a condition's
 * last turn is read before it is kept, and the parents of a route are one list that several controllers share: each of
 * these must fail where somebody else has written since, and an apply by force never fails.
 *
 * The API server is spared: `together` requests at once, one object every `paceMs`, nothing where nothing differs. While
 * it does not answer, or refuses us as such, one object at a time asks whether it does again; the others wait, and are
 * written with what is newest then.
 * The term is asked for right before each write, and is in it: see leadership.ts.
 */
import { kinds } from '../../model/kinds/catalogue.ts';
import { resources } from '../inform/resource.ts';
import { backoffMs, informTimings } from '../inform/timings.ts';
import type { Leadership } from '../lease/leadership.ts';
import type { Collection, KubeObject, KubeObjects, Outcome } from '../objects.ts';
import { timeText } from './condition.ts';
import { isJudged, nextStatus } from './next-status.ts';
import { type Entry, StatusQueue } from './status-queue.ts';
import type { Wish } from './wish.ts';

export interface StatusWriterPorts {
  readonly leadership: Pick<Leadership, 'term' | 'onChange'>;
  readonly objects: Pick<KubeObjects, 'read' | 'replace'>;
  readonly clock: {
    /** Epoch ms: what a status says of the time. */
    nowMs(): number;
    /** Of a clock that nobody sets: when something is due. */
    monotonicMs(): number;
    setTimer(afterMs: number, then: () => void): () => void;
  };
  /** From 0 to below 1. */
  random(): number;
  report(event: StatusEvent): void;
}

export type StatusEvent =
  | { readonly kind: 'written'; readonly id: string }
  /** By rights, by a webhook, or by a later leader's term: tried again, rarely. */
  | { readonly kind: 'refused'; readonly id: string; readonly message: string }
  /** Told once, until something is answered again. */
  | { readonly kind: 'unanswered'; readonly message: string };

/** Requests under way at once. */
export const together = 4;
/** Between two objects, in ms: 50 a second, so five thousand take 100 s, and the API server has time for others. */
export const paceMs = 20;
/** How often each object is read again though nothing was wished for, in ms, from a fifth less to a fifth more: what others wrote into a status, and an object that was deleted and made again. */
export const reviewMs = 900_000;
/** Shortest wait after a refusal, in ms. */
const refusedMs = 30_000;

export class StatusWriter {
  readonly #ports: StatusWriterPorts;
  readonly #queue = new StatusQueue();
  readonly #unlisten: () => void;
  #underWay = 0;
  /** When the next object may be begun, in ms. */
  #paceMs = -Infinity;
  /** In a row, of the API server as such. */
  #failures = 0;
  #cancelTimer: () => void = () => undefined;
  #term: number | undefined;
  #isClosed = false;

  constructor(ports: StatusWriterPorts) {
    this.#ports = ports;
    this.#term = ports.leadership.term();
    this.#unlisten = ports.leadership.onChange(() => this.#ledAnew());
  }

  /** @param wishes of all objects, by id; one that is the very same value as before is the same wish. */
  wish(wishes: ReadonlyMap<string, Wish>): void {
    this.#queue.wish(wishes, this.#ports.clock.monotonicMs());
    this.#turn();
  }

  close(): void {
    this.#isClosed = true;
    this.#unlisten();
    this.#cancelTimer();
  }

  #ledAnew(): void {
    const term = this.#ports.leadership.term();
    if (term !== this.#term) this.#queue.renew(this.#ports.clock.monotonicMs());
    this.#term = term;
    this.#turn();
  }

  /** Begins what may be begun, and comes back when the next may. */
  #turn(): void {
    const { clock, leadership } = this.#ports;
    this.#cancelTimer();
    const nowMs = clock.monotonicMs();
    const isFull = () => this.#underWay >= (this.#failures > 0 ? 1 : together);
    while (!this.#isClosed && leadership.term() !== undefined && !isFull()) {
      const entry = this.#paceMs <= nowMs ? this.#queue.next(nowMs) : undefined;
      if (entry === undefined) break;
      this.#paceMs = Math.max(this.#paceMs + paceMs, nowMs);
      void this.#lookAfter(entry);
    }
    const first = this.#isClosed || isFull() || leadership.term() === undefined ? undefined : this.#queue.first();
    if (first === undefined) return;
    const waitMs = Math.max(first.dueMs, this.#paceMs) - nowMs;
    this.#cancelTimer = clock.setTimer(Math.max(1, waitMs), () => this.#turn());
  }

  async #lookAfter(entry: Entry): Promise<void> {
    entry.isUnderWay = true;
    entry.isStale = false;
    entry.isUrgent = false;
    entry.dueMs = Infinity;
    this.#underWay += 1;
    const outcome = await this.#bringUp(entry).catch((error: unknown): Outcome => {
      return { kind: 'refused', status: 0, message: String(error) };
    });
    this.#underWay -= 1;
    entry.isUnderWay = false;
    this.#settle(entry, outcome);
    this.#turn();
  }

  /** @returns `done` where the status stands as it is wished. */
  async #bringUp(entry: Entry): Promise<Outcome> {
    const { leadership, objects, clock, random, report } = this.#ports;
    const { wish } = entry;
    const { ref, id } = wish.object;
    const of = collectionOf(wish);
    const known =
      entry.known?.of === wish.object && clock.monotonicMs() < entry.known.untilMs ? entry.known : undefined;
    const untilMs = known?.untilMs ?? clock.monotonicMs() + reviewMs * (0.8 + 0.4 * random());
    const read: Outcome =
      known === undefined ? await objects.read(of, ref.name) : { kind: 'done', object: known.object };
    if (read.kind !== 'done') return read;
    if (!isJudged(read.object, wish)) return { kind: 'conflict', message: 'it is not the object that was judged' };
    entry.known = { of: wish.object, object: remembered(read.object), untilMs };
    const term = leadership.term();
    const status = term === undefined ? undefined : nextStatus(read.object, wish, term, timeText(clock.nowMs()));
    if (status === undefined) return read;
    const { apiVersion, kind, metadata } = read.object;
    const { name, namespace, uid, resourceVersion } = metadata;
    const written = await objects.replace(
      of,
      // The API server takes nothing but the status from it.
      defined({ apiVersion, kind, metadata: defined({ name, namespace, uid, resourceVersion }), status }),
      'status',
    );
    if (written.kind !== 'done') return written;
    entry.known = { of: wish.object, object: remembered(written.object), untilMs };
    report({ kind: 'written', id });
    return written;
  }

  #settle(entry: Entry, outcome: Outcome): void {
    const { clock, random, report } = this.#ports;
    const nowMs = clock.monotonicMs();
    const { id } = entry.wish.object;
    const isOfServer = outcome.kind === 'unanswered' || (outcome.kind === 'refused' && isOfRights(outcome.status));
    if (!isOfServer) this.#failures = 0;
    if (outcome.kind !== 'done') entry.known = undefined;
    if (outcome.kind === 'done' || outcome.kind === 'missing') {
      this.#queue.done(entry, nowMs, entry.known?.untilMs ?? nowMs + reviewMs);
      return;
    }
    entry.failures += 1;
    const waitMs = backoffMs(informTimings, isOfServer ? this.#failures + 1 : entry.failures, random());
    if (!isOfServer) {
      if (outcome.kind === 'refused') report({ kind: 'refused', id, message: outcome.message });
      entry.dueMs = nowMs + (outcome.kind === 'refused' ? refusedMs * (1 + random()) : waitMs);
      return;
    }
    const asked = outcome.kind === 'unanswered' ? (outcome.retryAfterMs ?? 0) : 0;
    if (this.#failures === 0) report({ kind: 'unanswered', message: outcome.message });
    this.#failures += 1;
    entry.dueMs = nowMs;
    this.#paceMs = nowMs + Math.max(waitMs, Math.min(asked, informTimings.retryAfterMaxMs));
  }
}

/** Who we are, or what we may do: the next object would be answered alike. */
function isOfRights(status: number): boolean {
  return status === 401 || status === 403;
}

function collectionOf({ object: { ref } }: Wish): Collection {
  const resource = resources.find(({ kind }) => kind === ref.kind);
  if (resource === undefined) throw new Error(`nobody knows where objects of kind \`${ref.kind}\` are kept`);
  const { group, version, plural, kind } = resource;
  return { group, version, plural, ...(kinds[kind].scope === 'cluster' ? {} : { namespace: ref.namespace }) };
}

/** What the next look at it needs: of what it says, all that makes it the one that was judged; of who wrote which field, nothing. */
function remembered(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata as KubeObject['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}

function defined<Fields extends object>(fields: Fields): { [K in keyof Fields]: Exclude<Fields[K], undefined> } {
  const kept = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return kept as { [K in keyof Fields]: Exclude<Fields[K], undefined> };
}
