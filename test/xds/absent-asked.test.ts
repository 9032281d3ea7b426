/** Which secrets asked for in vain the operator hears of: told by the reducer, of both protocols. */
import { expect, test } from 'vitest';
import { delta } from '../../src/xds/delta.ts';
import { absentNames } from '../../src/xds/limits.ts';
import type { Protocol, XdsRequest } from '../../src/xds/protocol.ts';
import { sotw } from '../../src/xds/sotw.ts';
import { newStreamState, type StreamEvent, step } from '../../src/xds/stream.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { type Contents, snapshotOf } from './resources.ts';

const { cluster, endpoints, route, secret } = typeUrls;

/** @returns for each event what the operator hears. */
function heard<R extends XdsRequest>(protocol: Protocol<R>, contents: Contents, events: readonly StreamEvent<R>[]) {
  let state = newStreamState(snapshotOf(contents), true);
  return events.map((event) => {
    const result = step(protocol, state, event, 0);
    if (result.kind !== 'step') throw new Error(result.kind);
    state = result.state;
    return result.absent;
  });
}

const ask = (typeUrl: string, subscribe: readonly string[], { nonce = '', initial = [] as readonly string[] } = {}) =>
  ({
    kind: 'request',
    request: {
      ...{ typeUrl, nonce, subscribe, unsubscribe: [], namesCount: subscribe.length },
      initialVersions: new Map(initial.map((name) => [name, '1'])),
    },
  }) as const;

const list = (names: readonly string[], nonce: string) =>
  ({ kind: 'request', request: { typeUrl: secret, names, nonce, version: '', namesCount: names.length } }) as const;

test('a list that names a secret again is not told again, though its client had dropped it', () => {
  const lists = [list(['own', 'theirs'], ''), list(['own'], '1'), list(['own', 'theirs'], '1')];
  expect(heard(sotw, { secret: { own: '1' } }, lists)).toEqual([
    { names: ['theirs'], further: 0 },
    undefined,
    undefined,
  ]);
});

test('what a returning client says it holds is asked for', () => {
  const returning = ask(secret, ['own'], { initial: ['own', 'theirs'] });
  expect(heard(delta, { secret: { own: '1' } }, [returning])).toEqual([{ names: ['theirs'], further: 0 }]);
});

test('a snapshot that does not speak of secrets holds none', () => {
  expect(heard(delta, {}, [ask(secret, ['theirs'])])).toEqual([{ names: ['theirs'], further: 0 }]);
});

test('a secret that waits for its turn in a roll-out is there, and so is one that the roll-out still serves', () => {
  const contents: Contents = { cluster: { x: '1' }, route: { r: '1' }, secret: { old: '1' } };
  const events = [
    ask(cluster, []),
    ask(cluster, [], { nonce: '1' }),
    ask(route, ['r']),
    ask(route, [], { nonce: '2' }),
    // The route waits for the ACK of the cluster, and the snapshot after this one for the route.
    { kind: 'snapshot', snapshot: snapshotOf({ cluster: { x: '2' }, route: { r: '2' }, secret: { old: '1' } }) },
    { kind: 'snapshot', snapshot: snapshotOf({ cluster: { x: '2' }, route: { r: '2' }, secret: { new: '1' } }) },
    ask(secret, ['old', 'new', 'theirs']),
  ] as const;
  expect(heard(delta, contents, events).at(-1)).toEqual({ names: ['theirs'], further: 0 });
});

test('absent names of other types are no news: no right depends on them', () => {
  expect(heard(delta, { endpoints: {} }, [ask(endpoints, ['nobody'])])).toEqual([undefined]);
});

test('what is told of one stream is bounded, and says how much is left out', () => {
  const many = Array.from({ length: absentNames.max + 3 }, (_, index) => `s${index}`);
  const [first, second] = heard(delta, { secret: {} }, [ask(secret, many), ask(secret, ['one more'])]);
  expect(first).toEqual({ names: many.slice(0, absentNames.max), further: 3 });
  expect(second).toBeUndefined();
});

test('a long name is cut off', () => {
  const [absent] = heard(delta, { secret: {} }, [ask(secret, ['x'.repeat(100_000)])]);
  expect(absent?.names).toEqual(['x'.repeat(absentNames.unitsMax)]);
});
