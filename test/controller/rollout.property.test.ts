/** Over any course of edits, answers, absences and waits: who is told only what differs gives what one who is told everything gives. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { silenceMs } from '../../src/controller/acceptance.ts';
import { canaryWaitMs } from '../../src/controller/canary.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { MovingMesh } from '../e2e/random-moves.ts';
import { configured, versionsOf } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { randomHistory } from '../fixtures/random-history.ts';
import { randomTestMs, snapshotOf } from '../fixtures/random-mesh.ts';
import { TestClock } from '../xds/test-clock.ts';
import { Kept } from './kept.ts';

const options = { timeout: randomTestMs };
/** Longest that a failure is made smaller, in ms: it is told before the test is out of time. */
const interruptAfterTimeLimit = 0.75 * randomTestMs;

/** Turns name proxies by their place among all, and this is the last that they name. */
const indexMax = 9;

type Turn =
  /** @param without perhaps a proxy for which nothing is made this time. */
  | { readonly kind: 'look'; readonly without: number | undefined }
  | { readonly kind: 'ack' | 'nack' | 'come' | 'go'; readonly proxy: number; readonly type: number }
  | { readonly kind: 'wait'; readonly ms: number };

const anyTurn: fc.Arbitrary<Turn> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('look' as const),
      without: fc.option(fc.nat(indexMax), { nil: undefined, freq: 3 }),
    }),
  },
  fc.record({
    kind: fc.constantFrom('ack' as const, 'ack' as const, 'nack' as const, 'come' as const, 'come' as const),
    proxy: fc.nat(indexMax),
    type: fc.nat(6),
  }),
  fc.record({ kind: fc.constant('go' as const), proxy: fc.nat(indexMax), type: fc.constant(0) }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      // Some end while something is held, some when it was held for long enough, and some when the canary was before that.
      ms: fc.constantFrom(1, 60, 150, silenceMs - 1_000, silenceMs, canaryWaitMs, canaryWaitMs + silenceMs),
    }),
  },
);

/** A roll-out on its own clock, and what its cache holds. */
class Course {
  readonly clock = new TestClock();
  readonly given = new Map<string, ResourceSnapshot>();
  readonly rollout = new Rollout({
    clock: this.clock,
    cache: {
      set: (proxy, snapshot) => this.given.set(proxy, snapshot),
      delete: (proxy) => this.given.delete(proxy),
      setReady: () => undefined,
    },
    refusalsChanged: () => undefined,
  });

  run(turn: Exclude<Turn, { kind: 'look' }>, proxies: readonly string[]): void {
    if (turn.kind === 'wait') this.clock.advance(turn.ms);
    const key = turn.kind === 'wait' ? undefined : proxies[turn.proxy % Math.max(1, proxies.length)];
    if (turn.kind === 'wait' || key === undefined) return;
    const ref = { stream: 1, protocol: 'delta', key } as const;
    if (turn.kind === 'come') this.rollout.heard({ kind: 'stream-opened', nodeId: key, address: '', ...ref });
    else if (turn.kind === 'go') this.rollout.heard({ kind: 'stream-closed', reason: '', ...ref });
    else this.#answer(turn.kind, key, turn.type);
  }

  #answer(kind: 'ack' | 'nack', key: string, type: number): void {
    const listings = [...(this.given.get(key)?.types ?? [])];
    const [typeUrl, listing] = listings[type % Math.max(1, listings.length)] ?? [];
    if (typeUrl === undefined || listing === undefined) return;
    const resources = new Map([...listing.values()].map(({ name, version }) => [name, version]));
    const ref = { stream: 1, protocol: 'delta', key, typeUrl, nonce: '1', version: '1' } as const;
    if (kind === 'ack') this.rollout.heard({ kind: 'acked', resources, removed: [], ...ref });
    else this.rollout.heard({ kind: 'nacked', cause: { code: 13, message: 'no' }, resources, removed: [], ...ref });
  }

  seen(): string {
    const given = [...this.given].map(([key, snapshot]) => `${key} ${textOf(snapshot)}`);
    return [...given.sort(), JSON.stringify(this.rollout.problems())].join('\n');
  }

  /** Everybody is there and silent, until nobody waits for anything. */
  settle(proxies: readonly string[]): void {
    for (const proxy of proxies.keys()) this.run({ kind: 'come', proxy, type: 0 }, proxies);
    for (let waits = 0; this.clock.armed > 0 && waits < waitsMax; waits += 1) this.clock.advance(canaryWaitMs);
    expect(this.clock.armed).toBe(0);
  }
}

/** Most waits until a course is at its end: suspects are tried one after the other. */
const waitsMax = 50;

/** By snapshot, because most are seen again at the next turn. */
const texts = new WeakMap<ResourceSnapshot, string>();

function textOf(snapshot: ResourceSnapshot): string {
  const known = texts.get(snapshot) ?? [...versionsOf(snapshot)].map((each) => each.join(' ')).join(', ');
  texts.set(snapshot, known);
  return known;
}

type Configurations = ReadonlyMap<string, ResourceSnapshot>;

/** Equal to what it was, and not one value the same. */
function cloned(configurations: Configurations): Configurations {
  const clone = ({ revision, types }: ResourceSnapshot): ResourceSnapshot => ({
    revision,
    types: new Map(
      [...types].map(([typeUrl, listing]) => [
        typeUrl,
        new Map([...listing].map(([name, each]) => [name, { ...each }])),
      ]),
    ),
  });
  return new Map([...configurations].map(([key, each]) => [key, clone(each)]));
}

/** @param history of one mesh; it begins anew when it is at its end. */
function agree(history: readonly Snapshot[], turns: readonly Turn[]): void {
  const kept = new Kept();
  const [some, all] = [new Course(), new Course()];
  const made = history.map((each) => [each, configured(each)] as const);
  let [looks, proxies]: [number, readonly string[]] = [0, []];
  const look = (without: number | undefined) => {
    const at = looks % history.length;
    const [next, configurations] = made[at] ?? expect.fail('no history');
    looks += 1;
    const gone = proxies.filter((key) => !next.workloads.has(key));
    const snapshot = kept.look(next, configurations);
    proxies = [...next.workloads.keys()];
    const left = without === undefined ? undefined : proxies[without];
    const present = (each: Configurations) => new Map([...each].filter(([key]) => key !== left));
    some.rollout.publish(present(kept.configurations), gone, snapshot);
    const workloads = new Map([...next.workloads].map(([key, each]) => [key, structuredClone(each)] as const));
    all.rollout.publish(present(cloned(configurations)), gone, { ...next, workloads });
  };
  const everyTurn: readonly Turn[] = [
    { kind: 'look', without: undefined },
    // At first everybody is there, so that whatever may be tried is.
    ...Array.from({ length: indexMax + 1 }, (_, proxy): Turn => ({ kind: 'come', proxy, type: 0 })),
    ...turns,
    { kind: 'look', without: undefined },
  ];
  for (const turn of everyTurn) {
    if (turn.kind === 'look') look(turn.without);
    else for (const course of [some, all]) course.run(turn, proxies);
    expect(some.seen()).toBe(all.seen());
  }
  for (const course of [some, all]) course.settle(proxies);
  expect(some.seen()).toBe(all.seen());
  // What neither was told would not be seen above. Where something is refused, that is right.
  if (some.rollout.problems().length > 0) return;
  for (const [key, wanted] of kept.configurations) {
    expect([key, textOf(some.given.get(key) ?? expect.fail(key))]).toEqual([key, textOf(wanted)]);
  }
}

test('in any mesh', options, () => {
  fc.assert(
    fc.property(randomHistory(4), fc.array(anyTurn, { minLength: 5, maxLength: 30 }), (history, turns) => {
      agree(
        history.map((objects) => snapshotOf(objects, 0)),
        turns,
      );
    }),
    { numRuns: 15, interruptAfterTimeLimit },
  );
});

const denied = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: shop }
spec: { deny: [{ from: { serviceAccounts: [web] } }] }
`;

/** What an owner rearranges under load, and now and then a deny that comes or goes. */
function rearranged(seed: number): readonly Snapshot[] {
  const world = new MovingMesh(seed);
  const files = new Map(Object.entries(world.files()));
  return Array.from({ length: 6 }, (_, step) => {
    const { file, text } = world.move();
    files.set(file, text);
    if (step % 3 === 2 && !files.delete('policy.yaml')) files.set('policy.yaml', denied);
    return meshFrom(documents(...files.values()), ['dangling-reference']);
  });
}

test('in a mesh whose callers and callees change in order', options, () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(anyTurn, { minLength: 20, maxLength: 40 }), (seed, turns) => {
      agree(rearranged(seed), turns);
    }),
    { numRuns: 6, interruptAfterTimeLimit },
  );
});
