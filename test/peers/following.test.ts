/** What a follower does for whom: the machine by itself. */
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Command, CommandSchema } from '#gen/coffre/peers/v1/peers_pb.js';
import {
  type Following,
  type FollowingEffect,
  type FollowingEvent,
  follow,
  notFollowing,
} from '../../src/peers/following.ts';
import { laidMax, watchesMax } from '../../src/peers/limits.ts';

function command(term: number, kind: Command['kind'] = { case: undefined }): FollowingEvent {
  return { kind: 'commanded', command: create(CommandSchema, { term: BigInt(term), kind }) };
}

function layers(term: number, proxies: string[], settings: Record<string, number> = { 'circuit_breakers.x': 0 }) {
  const value = { $typeName: 'coffre.peers.v1.Layers' as const, layers: [layer(proxies, settings)] };
  return command(term, { case: 'layers', value });
}

function layer(proxies: string[], settings: Record<string, number>) {
  return { $typeName: 'coffre.peers.v1.Layer' as const, proxies, settings };
}

function watch(term: number, number: number): FollowingEvent {
  const value = { $typeName: 'coffre.peers.v1.Watch' as const, watch: number, proxies: ['shop/web'], cluster: 'c' };
  return command(term, { case: 'watch', value });
}

function unwatch(term: number, number: number): FollowingEvent {
  return command(term, { case: 'unwatch', value: { $typeName: 'coffre.peers.v1.Unwatch', watch: number } });
}

function told(...events: readonly FollowingEvent[]): { state: Following; effects: readonly FollowingEffect[] } {
  let state = notFollowing;
  let effects: readonly FollowingEffect[] = [];
  for (const event of events) ({ state, effects } = follow(state, event));
  return { state, effects };
}

const opened: FollowingEvent = { kind: 'opened' };
const closed: FollowingEvent = { kind: 'closed' };
const learned = (term: number): FollowingEvent => ({ kind: 'learned', term });
const kindsOf = (effects: readonly FollowingEffect[]) => effects.map(({ kind }) => kind);

describe('a follower', () => {
  test('lays what its leader commands, and lifts what has no settings', () => {
    const settings = new Map([['circuit_breakers.x', 0]]);
    expect(told(opened, layers(1, ['shop/a', 'shop/b'])).effects).toEqual([
      { kind: 'lay', proxy: 'shop/a', settings },
      { kind: 'lay', proxy: 'shop/b', settings },
    ]);
    expect(told(opened, layers(1, ['shop/a']), layers(1, ['shop/a'], {})).effects).toEqual([
      { kind: 'lift', proxy: 'shop/a' },
    ]);
  });

  const before = [opened, layers(4, ['shop/a']), watch(4, 1)];
  const everything = ['lift', 'unwatch'];
  const table: readonly {
    when: string;
    events: readonly FollowingEvent[];
    effects: readonly string[];
    open: boolean;
  }[] = [
    { when: 'its stream ends', events: [closed], effects: everything, open: false },
    { when: 'another stream begins', events: [opened], effects: everything, open: true },
    {
      when: 'FLT-34 it hears of a later leader',
      events: [learned(5)],
      effects: [...everything, 'refuse'],
      open: false,
    },
    {
      when: 'FLT-34 it is commanded under a lower term',
      events: [layers(3, ['shop/b'])],
      effects: [...everything, 'refuse'],
      open: false,
    },
    {
      when: 'FLT-34 a sign of life has a lower term',
      events: [command(3)],
      effects: [...everything, 'refuse'],
      open: false,
    },
    { when: 'it hears of the same leader', events: [learned(4)], effects: [], open: true },
    { when: 'it hears of an earlier leader', events: [learned(2)], effects: [], open: true },
    { when: 'it is commanded under a higher term', events: [layers(6, ['shop/b'])], effects: ['lay'], open: true },
    { when: 'a command comes behind the end', events: [closed, layers(4, ['shop/b'])], effects: [], open: false },
    { when: 'a watch is told twice', events: [watch(4, 1)], effects: [], open: true },
    { when: 'a watch ends', events: [unwatch(4, 1)], effects: ['unwatch'], open: true },
    { when: 'a watch ends that it has not', events: [unwatch(4, 9)], effects: [], open: true },
  ];
  for (const { when, events, effects, open } of table) {
    test(`when ${when}: ${effects.length === 0 ? 'does nothing' : effects.join(', ')}`, () => {
      const last = told(...before, ...events);
      expect(kindsOf(last.effects)).toEqual(effects);
      expect(last.state.stream !== undefined).toBe(open);
    });
  }

  test('FLT-34 remembers the highest term over streams', () => {
    const { state, effects } = told(...before, closed, opened, layers(3, ['shop/b']));
    expect(kindsOf(effects)).toEqual(['refuse']);
    expect(state.term).toBe(4);
  });

  test('takes no more than its bounds', () => {
    const many = Array.from({ length: laidMax }, (_, index) => `shop/p${index}`);
    const full = told(opened, layers(1, many));
    expect(full.state.stream?.laid.size).toBe(laidMax);
    expect(kindsOf(follow(full.state, layers(1, ['shop/more'])).effects).at(-1)).toBe('refuse');
    const watches = Array.from({ length: watchesMax }, (_, index) => watch(1, index + 1));
    expect(kindsOf(told(opened, ...watches).effects)).toEqual(['watch']);
    expect(kindsOf(told(opened, ...watches, watch(1, watchesMax + 1)).effects).at(-1)).toBe('refuse');
  });
});

const proxy = fc.constantFrom('shop/a', 'shop/b', 'bank/c');
const term = fc.integer({ min: 1, max: 6 });
const anyEvent: fc.Arbitrary<FollowingEvent> = fc.oneof(
  fc.constant(opened),
  fc.constant(closed),
  term.map(learned),
  term.map((number) => command(number)),
  fc
    .tuple(term, fc.uniqueArray(proxy, { minLength: 1 }), fc.boolean())
    .map(([number, proxies, lays]) => layers(number, proxies, lays ? { key: 1 } : {})),
  fc.tuple(term, fc.integer({ min: 1, max: 3 })).map(([number, id]) => watch(number, id)),
  fc.tuple(term, fc.integer({ min: 1, max: 3 })).map(([number, id]) => unwatch(number, id)),
);

describe('whatever it is told, a follower', () => {
  test('FLT-34 has nothing of a leader without its stream, and does nothing under a lower term than it has seen', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const laid = new Set<string>();
        const watched = new Set<number>();
        let highest = 0;
        let state = notFollowing;
        for (const event of events) {
          const step = follow(state, event);
          if (event.kind === 'commanded' && Number(event.command.term) < highest) {
            expect(step.effects.filter(({ kind }) => kind === 'lay' || kind === 'watch')).toEqual([]);
          }
          for (const effect of step.effects) {
            if (effect.kind === 'lay') laid.add(effect.proxy);
            if (effect.kind === 'lift') laid.delete(effect.proxy);
            if (effect.kind === 'watch') watched.add(effect.watch);
            if (effect.kind === 'unwatch') watched.delete(effect.watch);
          }
          if (event.kind === 'learned') highest = Math.max(highest, event.term);
          // Of a command without a stream nothing is learned: it is read by nobody.
          if (event.kind === 'commanded' && state.stream !== undefined) {
            highest = Math.max(highest, Number(event.command.term));
          }
          state = step.state;
          expect(state.term).toBe(highest);
          expect([...laid].sort()).toEqual([...(state.stream?.laid ?? [])].sort());
          expect([...watched].sort()).toEqual([...(state.stream?.watches.keys() ?? [])].sort());
        }
      }),
    );
  });
});
