/** Canaries that are told only of proxies that want something else give what canaries give that are told of all, at every event. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Canaries, canaryWaitMs } from '../../src/controller/canary.ts';
import type { CanaryEvent, Wanted } from '../../src/controller/canary-state.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { versionsOf } from '../fixtures/configured.ts';
import { cluster, secret, snapshot, way } from './made-up-proxy.ts';

const proxies = ['shop/a', 'shop/b', 'shop/c', 'shop/d', 'bank/a', 'bank/b'];

/** What a proxy may be to have: ways to two services, each the former one, another, or none, and a secret. */
const variants: readonly (readonly Resource[])[] = [1, 2, 3].flatMap((api) =>
  [0, 1, 2].map((cart) => [
    ...way('shop/api/80'),
    cluster('shop/api/80', api),
    ...(cart === 0 ? [] : [...way('shop/cart/80', cart), cluster('shop/cart/80', cart)]),
    secret('servers', api === cart ? 'new' : 'old'),
  ]),
);

type Turn =
  /** Some want another variant, or are gone. */
  | { readonly kind: 'want'; readonly who: readonly number[]; readonly variant: number | undefined }
  | { readonly kind: 'acked' | 'nacked' | 'connected' | 'disconnected'; readonly who: number; readonly type: number }
  | { readonly kind: 'wait'; readonly ms: number };

const who = fc.nat(proxies.length - 1);
const anyTurn: fc.Arbitrary<Turn> = fc.oneof(
  fc.record({
    kind: fc.constant('want' as const),
    who: fc.uniqueArray(who, { minLength: 1 }),
    variant: fc.option(fc.nat(variants.length - 1), { nil: undefined, freq: 5 }),
  }),
  fc.record({
    kind: fc.constantFrom('acked' as const, 'nacked' as const, 'connected' as const, 'disconnected' as const),
    who,
    type: fc.nat(6),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, canaryWaitMs) }),
);

class Course {
  readonly canaries = new Canaries();
  readonly given = new Map<string, ResourceSnapshot>();

  take(event: CanaryEvent, nowMs: number): void {
    if (event.kind === 'wanted') for (const proxy of event.gone) this.given.delete(proxy);
    for (const [proxy, each] of this.canaries.take(event, nowMs).publish) this.given.set(proxy, each);
  }

  seen() {
    const given = [...this.given].map(([proxy, each]) => [proxy, versionsOf(each)] as const);
    return { given: new Map(given), refusals: new Set(this.canaries.refusals()) };
  }
}

function wantedBy(proxy: string, resources: readonly Resource[]): Wanted {
  const owner = proxy.slice(0, proxy.indexOf('/'));
  return { snapshot: snapshot(resources), owner, mates: owner };
}

function answerOf(course: Course, proxy: string, type: number) {
  const listings = [...(course.given.get(proxy)?.types ?? [])];
  const [typeUrl = '', listing = new Map<string, Resource>()] = listings[type % Math.max(1, listings.length)] ?? [];
  return { typeUrl, resources: new Map([...listing.values()].map(({ name, version }) => [name, version])) };
}

function agree(turns: readonly Turn[]): void {
  const [some, all] = [new Course(), new Course()];
  const wanted = new Map<string, readonly Resource[]>();
  let nowMs = 0;
  const tell = (proxy: string) => [proxy, wantedBy(proxy, wanted.get(proxy) ?? [])] as const;
  const want = (named: readonly string[], resources: readonly Resource[] | undefined) => {
    for (const proxy of named) {
      if (resources === undefined) wanted.delete(proxy);
      else wanted.set(proxy, resources);
    }
    const gone = resources === undefined ? named : [];
    const changed = resources === undefined ? [] : named;
    some.take({ kind: 'wanted', proxies: new Map(changed.map(tell)), gone }, nowMs);
    all.take({ kind: 'wanted', proxies: new Map([...wanted.keys()].map(tell)), gone }, nowMs);
  };
  const both = (event: CanaryEvent) => {
    for (const course of [some, all]) course.take(event, nowMs);
  };
  want(proxies, variants[0]);
  for (const proxy of proxies) both({ kind: 'connected', proxy });
  for (const turn of turns) {
    if (turn.kind === 'wait') {
      nowMs += turn.ms;
      both({ kind: 'time' });
    } else if (turn.kind === 'want') {
      want(
        turn.who.flatMap((index) => proxies[index] ?? []),
        turn.variant === undefined ? undefined : variants[turn.variant],
      );
    } else {
      const proxy = proxies[turn.who] ?? '';
      both({ kind: turn.kind, proxy, message: 'no', ...answerOf(some, proxy, turn.type) });
    }
    expect(some.seen()).toEqual(all.seen());
  }
}

test('at every event', () => {
  fc.assert(
    fc.property(fc.array(anyTurn, { minLength: 5, maxLength: 40 }), (turns) => agree(turns)),
    { numRuns: 300 },
  );
});
