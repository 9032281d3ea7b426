/**
 * Anything at any time, one stream, both protocols: true nonces and invented ones, answers that were not asked for,
 * subscriptions that come and go, while snapshots change, resources die and timers run late.
 *
 * Whatever was said, the client holds the truth in the end. What real Envoys said is in recorded-traffic.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Resource, withTtl } from '../../src/xds/resource.ts';
import { resource } from './resources.ts';
import { type Said, TalkingClient, types } from './talking-client.ts';

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

/** A client, and what it is told. */
class Fuzz {
  readonly client: TalkingClient;
  private told: ReadonlyMap<string, ReadonlyMap<string, Resource>> = new Map();

  constructor(kind: 'sotw' | 'delta') {
    this.client = new TalkingClient(kind);
  }

  play(each: Move): void {
    const { client } = this;
    switch (each.kind) {
      case 'snapshot':
        this.replace(new Map(this.told).set(each.typeUrl, resourcesOf(each.typeUrl, each.words)));
        break;
      case 'answer':
        client.answer(each.typeUrl, each.refuse);
        break;
      case 'say':
        client.say(saidIn(each));
        break;
      case 'pass':
        client.pass(each.ms);
        break;
      case 'heartbeat-due':
        client.beat();
        break;
      case 'ack-wait-over':
        client.stopWaiting();
        break;
    }
  }

  replace(told: ReadonlyMap<string, ReadonlyMap<string, Resource>>): void {
    this.told = told;
    this.client.replace({ revision: 'r', types: told });
  }
}

function saidIn({ names: list, refuse, version, kind: _, ...rest }: Move & { kind: 'say' }): Said {
  const initialVersions = new Map(version === '' ? [] : [['x', version]]);
  const error = refuse ? { code: 3, message: 'no' } : undefined;
  return { ...rest, names: list, subscribe: list, version, error, initialVersions };
}

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('whatever is said, one response per type is outstanding, nothing refused returns, and the end is the truth', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60, size: 'max' }), (moves) => {
        const fuzz = new Fuzz(kind);
        for (const each of moves) fuzz.play(each);
        const last: Words = { x: { content: 'last', mortal: true }, y: { content: 'last', mortal: false } };
        fuzz.replace(new Map(types.map((type) => [type, resourcesOf(type, last)])));
        fuzz.client.settle();
        for (const { type, holds, should } of fuzz.client.view()) expect(holds, type).toEqual(should);
      }),
      { numRuns: 500 },
    );
  });
});
