/**
 * A client that says anything at any time, one stream, both protocols: true nonces and invented ones, answers that were
 * not asked for, subscriptions that come and go, while snapshots change, resources die and timers run late.
 *
 * What it holds is what it accepted and did not outlive. Whatever was said, it holds the truth in the end.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import type { Send, StreamState } from '../../src/xds/order.ts';
import { type Resource, type ResourceSnapshot, withTtl } from '../../src/xds/resource.ts';
import { type SotwRequest, sotw } from '../../src/xds/sotw.ts';
import { newStreamState, type StreamEvent, step } from '../../src/xds/stream.ts';
import { wants } from '../../src/xds/subscription.ts';
import { isFullState, typeUrls } from '../../src/xds/type-url.ts';
import { otherType, resource } from './resources.ts';

const types = [...Object.values(typeUrls), otherType];
const names = ['x', 'y', 'z'] as const;
const ttlMs = 10_000;

type Words = Readonly<Record<string, { readonly content: string; readonly mortal: boolean }>>;

const typeUrl = fc.constantFrom(...types);
const words: fc.Arbitrary<Words> = fc.dictionary(
  fc.constantFrom(...names),
  fc.record({ content: fc.constantFrom('1', '2', '3'), mortal: fc.boolean() }),
  { noNullPrototype: true },
);
const nameList = fc.array(fc.constantFrom<string>(...names, 'absent', '*'), { maxLength: 4 });

type Move =
  | { readonly kind: 'snapshot'; readonly typeUrl: string; readonly words: Words }
  /** The newest response of the type is answered, if there is one. */
  | { readonly kind: 'answer'; readonly typeUrl: string; readonly refuse: boolean }
  | {
      readonly kind: 'say';
      readonly typeUrl: string;
      readonly nonce: string;
      readonly refuse: boolean;
      readonly names: readonly string[];
      readonly unsubscribe: readonly string[];
      readonly version: string;
    }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'heartbeat-due' | 'ack-wait-over' };

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('snapshot' as const), typeUrl, words }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      typeUrl,
      refuse: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      typeUrl,
      nonce: fc.constantFrom('', '1', '2', '3', 'h2', 'h3', 'invented'),
      refuse: fc.boolean(),
      names: nameList,
      unsubscribe: nameList,
      version: fc.constantFrom('', '1', 'invented'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2 * ttlMs }) }),
  },
  { weight: 2, arbitrary: fc.constantFrom<Move>({ kind: 'heartbeat-due' }, { kind: 'ack-wait-over' }) },
);

function resourcesOf(type: string, each: Words): ReadonlyMap<string, Resource> {
  return new Map(
    Object.entries(each).map(([name, { content, mortal }]) => {
      const plain = resource(type, name, content);
      return [name, mortal ? withTtl(plain, ttlMs) : plain];
    }),
  );
}

interface Outstanding {
  readonly send: Send;
  readonly atMs: number;
  /** Of its resources, those that the client has wanted ever since. */
  readonly taken: readonly Resource[];
}

interface HeldByClient {
  readonly version: string;
  readonly diesAtMs: number;
}

class Fuzz {
  private readonly kind: 'sotw' | 'delta';
  private snapshot: ResourceSnapshot = { revision: 'r', types: new Map() };
  private state: StreamState;
  private nowMs = 0;
  private waitingFor: string | undefined;
  private heartbeatAtMs: number | undefined;
  /** By type URL: the response that waits for its answer, and when it came. */
  private readonly outstanding = new Map<string, Outstanding>();
  /** By type URL: what was refused last, while nothing has happened that would excuse its return. */
  private readonly refused = new Map<string, string>();
  /** Types whose subscription may have changed since their newest response: they are owed an answer to that. */
  private readonly asked = new Set<string>();
  private readonly held = new Map<string, Map<string, HeldByClient>>(types.map((each) => [each, new Map()]));

  constructor(kind: 'sotw' | 'delta') {
    this.kind = kind;
    this.state = newStreamState(this.snapshot, true);
  }

  play(each: Move): void {
    switch (each.kind) {
      case 'snapshot':
        this.replace(new Map(this.snapshot.types).set(each.typeUrl, resourcesOf(each.typeUrl, each.words)));
        break;
      case 'answer':
        this.answer(each.typeUrl, each.refuse);
        break;
      case 'say':
        this.say(each);
        break;
      case 'pass':
        this.nowMs += each.ms;
        break;
      case 'heartbeat-due':
        this.happen({ kind: 'heartbeat-due' });
        break;
      case 'ack-wait-over':
        if (this.waitingFor !== undefined) this.happen({ kind: 'ack-wait-over', nonce: this.waitingFor });
        break;
    }
  }

  replace(next: ReadonlyMap<string, ReadonlyMap<string, Resource>>): void {
    this.snapshot = { revision: 'r', types: next };
    this.refused.clear();
    this.happen({ kind: 'snapshot', snapshot: this.snapshot });
  }

  /** Accepts all that comes, and lets every timer that is due run; fails rather than loop. */
  settle(): void {
    const roundsMax = 200;
    for (let round = 0; round < roundsMax; round += 1) {
      const [type] = this.outstanding.keys();
      if (type !== undefined) this.answer(type, false);
      else if (this.heartbeatAtMs !== undefined && this.heartbeatAtMs <= this.nowMs)
        this.happen({ kind: 'heartbeat-due' });
      else if (this.waitingFor !== undefined) this.happen({ kind: 'ack-wait-over', nonce: this.waitingFor });
      else return;
    }
    throw new Error('the conversation does not end');
  }

  /** Name and version of what the client holds now and asked for, and of what it should hold, by type. */
  view() {
    const view = (type: string, entries: Iterable<readonly [string, string]>) => {
      const { subscription } = this.state.types.get(type) ?? {};
      return [...entries].filter(([name]) => subscription !== undefined && wants(subscription, name)).sort();
    };
    return types.map((type) => {
      const alive = [...(this.held.get(type) ?? [])].filter(([, { diesAtMs }]) => diesAtMs > this.nowMs);
      const listing = this.snapshot.types.get(type) ?? new Map<string, Resource>();
      // SotW cannot delete of a type that is not a full state.
      const sayable = this.kind === 'delta' || isFullState(type) ? alive : alive.filter(([name]) => listing.has(name));
      return {
        type,
        holds: view(
          type,
          sayable.map(([name, { version }]) => [name, version] as const),
        ),
        should: view(
          type,
          [...listing.values()].map(({ name, version }) => [name, version] as const),
        ),
      };
    });
  }

  private say({ typeUrl: type, nonce, refuse, names: list, unsubscribe, version }: Move & { kind: 'say' }): void {
    this.refused.delete(type);
    this.asked.add(type);
    // What a delta client says that it holds, it holds.
    const begun = this.state.types.get(type)?.begun === true;
    const claims = new Map(this.kind === 'delta' && !begun && version !== '' ? [['x', version]] : []);
    for (const [name, each] of claims) this.held.get(type)?.set(name, { version: each, diesAtMs: this.nowMs + ttlMs });
    this.request(type, { nonce, refuse, names: list, unsubscribe, version, claims });
  }

  private answer(type: string, refuse: boolean): void {
    const response = this.outstanding.get(type);
    if (response === undefined) return;
    const { send } = response;
    this.request(type, {
      nonce: send.nonce,
      refuse,
      names: this.namesOf(type),
      unsubscribe: [],
      version: send.version,
    });
  }

  private namesOf(type: string): readonly string[] {
    const subscription = this.state.types.get(type)?.subscription;
    const wildcard = subscription?.wildcard === 'explicit' ? ['*'] : [];
    return this.kind === 'delta' ? [] : [...(subscription?.names ?? []), ...wildcard];
  }

  private request(
    type: string,
    {
      nonce,
      refuse,
      names: list,
      unsubscribe,
      version,
      claims = new Map(),
    }: Omit<Move & { kind: 'say' }, 'kind' | 'typeUrl'> & {
      readonly claims?: ReadonlyMap<string, string>;
    },
  ): void {
    const waiting = this.outstanding.get(type);
    // An invented answer may hit a true nonce: then it is an answer.
    const answers = waiting?.send.nonce === nonce;
    // Who refuses to hear that something is gone may hold it for ever, and all that it might use with it.
    const refuses = refuse && !(answers && waiting.send.resources.length === 0);
    const error = refuses ? { code: 3, message: 'no' } : undefined;
    if (answers) {
      this.outstanding.delete(type);
      if (!refuses) this.accept(waiting);
      // What is accepted may have replaced the culprit: then what was refused with it has one more try.
      if (!refuses) this.refused.delete(type);
      else if (!this.asked.has(type)) this.refused.set(type, keyOf(waiting.send));
    }
    const common = { typeUrl: type, nonce, error, namesCount: list.length };
    this.happen({
      kind: 'request',
      request: { ...common, names: list, version, subscribe: list, unsubscribe, initialVersions: claims },
    });
  }

  private accept({ send: { typeUrl: type, removed }, atMs, taken }: Outstanding): void {
    const held = this.held.get(type);
    if (this.kind === 'sotw' && isFullState(type)) held?.clear();
    for (const name of removed) held?.delete(name);
    for (const { name, version, ttlMs: lifeMs = Number.POSITIVE_INFINITY } of taken) {
      const mortal = this.kind === 'delta' || !isFullState(type);
      held?.set(name, { version, diesAtMs: mortal ? atMs + lifeMs : Number.POSITIVE_INFINITY });
    }
  }

  private happen(event: StreamEvent<SotwRequest & DeltaRequest>): void {
    const result =
      this.kind === 'sotw' ? step(sotw, this.state, event, this.nowMs) : step(delta, this.state, event, this.nowMs);
    if (result.kind !== 'step') throw new Error(result.kind);
    this.state = result.state;
    this.waitingFor = result.waitingFor;
    this.heartbeatAtMs = result.heartbeatAtMs;
    if (event.kind === 'request') this.forget(event.request.typeUrl);
    for (const send of result.sends) this.take(send);
  }

  /** What the client does not want any more it drops, also of a response that it has not answered yet. */
  private forget(type: string): void {
    const { subscription } = this.state.types.get(type) ?? {};
    const unwanted = (name: string) => subscription === undefined || !wants(subscription, name);
    const held = this.held.get(type);
    for (const name of [...(held?.keys() ?? [])]) if (unwanted(name)) held?.delete(name);
    const waiting = this.outstanding.get(type);
    if (waiting === undefined) return;
    this.outstanding.set(type, { ...waiting, taken: waiting.taken.filter(({ name }) => !unwanted(name)) });
  }

  private take(send: Send): void {
    const { typeUrl: type, form, resources } = send;
    if (form === 'heartbeat') {
      const held = this.held.get(type);
      for (const { name, version, ttlMs: lifeMs = 0 } of resources) {
        const known = held?.get(name);
        if (known?.version !== version || known.diesAtMs <= this.nowMs)
          throw new Error(`a heartbeat of nothing: ${name}`);
        held?.set(name, { version, diesAtMs: this.nowMs + lifeMs });
      }
      return;
    }
    if (this.outstanding.has(type)) throw new Error(`two responses of ${type} are outstanding`);
    // Endpoints come back with a cluster that was sent again, whatever was said of them.
    if (type !== typeUrls.endpoints) expect(keyOf(send), 'what was refused came back').not.toBe(this.refused.get(type));
    this.asked.delete(type);
    this.outstanding.set(type, { send, atMs: this.nowMs, taken: resources });
  }
}

/** What a response says, whatever its nonce. */
function keyOf({ resources, removed }: Send): string {
  return JSON.stringify([resources.map(({ name, version }) => [name, version]).sort(), [...removed].sort()]);
}

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('whatever is said, one response per type is outstanding, nothing refused returns, and the end is the truth', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60, size: 'max' }), (moves) => {
        const fuzz = new Fuzz(kind);
        for (const each of moves) fuzz.play(each);
        const last: Words = { x: { content: 'last', mortal: true }, y: { content: 'last', mortal: false } };
        fuzz.replace(new Map(types.map((type) => [type, resourcesOf(type, last)])));
        fuzz.settle();
        for (const { type, holds, should } of fuzz.view()) expect(holds, type).toEqual(should);
      }),
      { numRuns: 500 },
    );
  });
});
