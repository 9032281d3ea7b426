/**
 * Pushes and acceptances as evidence: those of one moment, tenant, type and revision are one event.
 *
 *   pushed, acked ──▶ counted ──window over, or a refusal──▶ PushEvent, AckEvent        nacked ──▶ NackEvent, at once
 *
 * A change of a mesh goes to thousands of proxies in one breath, and what a reader wants of it is one line. A refusal is
 * never made one of many, and what came before it is told before it. Pure: somebody else owns the clock.
 */

import { tenantOf } from '../evidence/access-log/tenant-of.ts';
import type { AckEvent, EvidenceEvent, NackEvent, PushEvent } from '../evidence/event.ts';
import type { XdsEvent } from '../xds/xds-event.ts';

/** Most proxies that one event names; the count is of all. */
export const proxiesNamedMax = 20;
/** Most resources that a refusal names. */
const resourcesNamedMax = 100;
/** Longest words of a proxy that are kept, in characters: a validation error names its field at the front. */
const messageMax = 2_000;
/** Most kinds of pushes and acceptances that are counted at once; more than these end the window. */
export const talliesMax = 4_096;

type Answered = Extract<XdsEvent, { kind: 'pushed' | 'acked' | 'nacked' }>;

interface Tally {
  readonly kind: 'push' | 'ack';
  readonly tenant: string;
  readonly typeUrl: string;
  readonly revision: string | undefined;
  /** Of a push when the first went, of an acceptance when the last came. */
  atMs: number;
  readonly proxies: Set<string>;
  resources: number;
  removed: number;
  bytes: number;
}

export class PushTally {
  readonly #newId: () => string;
  #tallies = new Map<string, Tally>();
  /** By stream and type: what went last, so that an answer is known by its revision. */
  readonly #sent = new Map<number, Map<string, { readonly nonce: string; readonly revision: string }>>();

  constructor(newId: () => string) {
    this.#newId = newId;
  }

  get isEmpty(): boolean {
    return this.#tallies.size === 0;
  }

  /** @returns what is to be told at once. */
  take(event: XdsEvent, nowMs: number): readonly EvidenceEvent[] {
    switch (event.kind) {
      case 'pushed': {
        const { stream, typeUrl, nonce, revision } = event;
        const types = this.#sent.get(stream) ?? new Map<string, { nonce: string; revision: string }>();
        this.#sent.set(stream, types.set(typeUrl, { nonce, revision }));
        return this.#count('push', event, revision, nowMs);
      }
      case 'acked':
        return this.#count('ack', event, this.#revisionOf(event), nowMs);
      case 'nacked':
        return [...this.tell(), this.#refusal(event, nowMs)];
      case 'stream-closed':
        this.#sent.delete(event.stream);
        return [];
      default:
        return [];
    }
  }

  /** Everything that was counted, in the order in which it began. */
  tell(): readonly EvidenceEvent[] {
    const tallies = [...this.#tallies.values()];
    this.#tallies = new Map();
    return tallies.map((tally) => this.#event(tally));
  }

  #count(
    kind: Tally['kind'],
    event: Exclude<Answered, { kind: 'nacked' }>,
    revision: string | undefined,
    nowMs: number,
  ): readonly EvidenceEvent[] {
    const tenant = tenantOf(event.key);
    const { typeUrl } = event;
    const key = JSON.stringify([kind, tenant, typeUrl, revision]);
    const known = this.#tallies.get(key);
    const told = known === undefined && this.#tallies.size >= talliesMax ? this.tell() : [];
    const tally: Tally = known ?? {
      ...{ kind, tenant, typeUrl, revision, atMs: nowMs, proxies: new Set() },
      ...{ resources: 0, removed: 0, bytes: 0 },
    };
    this.#tallies.set(key, tally);
    tally.proxies.add(event.key);
    if (event.kind === 'acked') tally.atMs = nowMs;
    else {
      tally.resources += event.resources;
      tally.removed += event.removed;
      tally.bytes += event.bytes;
    }
    return told;
  }

  #event({ kind, proxies, revision, tenant, typeUrl, atMs, ...sums }: Tally): PushEvent | AckEvent {
    const common = { id: this.#newId(), atMs, tenant, ...(revision === undefined ? {} : { revision }), typeUrl };
    const named = { proxies: [...proxies].slice(0, proxiesNamedMax), proxyCount: proxies.size };
    return kind === 'push' ? { kind, ...common, ...named, ...sums } : { kind, ...common, ...named };
  }

  #refusal(event: Extract<Answered, { kind: 'nacked' }>, nowMs: number): NackEvent {
    const { key: workload, typeUrl } = event;
    const revision = this.#revisionOf(event);
    return {
      ...{ kind: 'nack', id: this.#newId(), atMs: nowMs, tenant: tenantOf(workload), workload, typeUrl },
      ...(revision === undefined ? {} : { revision }),
      resources: [...event.resources.keys()].slice(0, resourcesNamedMax),
      message: event.cause.message.slice(0, messageMax),
    };
  }

  #revisionOf({ stream, typeUrl, nonce }: Exclude<Answered, { kind: 'pushed' }>): string | undefined {
    const sent = this.#sent.get(stream)?.get(typeUrl);
    return sent?.nonce === nonce ? sent.revision : undefined;
  }
}
