/** The reducer step by step, without a socket: what leaves, and what is waited for. */
import { describe, expect, test } from 'vitest';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import { typesPerStreamMax } from '../../src/xds/limits.ts';
import { type StreamState, youth } from '../../src/xds/order.ts';
import type { Protocol, XdsRequest } from '../../src/xds/protocol.ts';
import { type SotwRequest, sotw } from '../../src/xds/sotw.ts';
import { newStreamState, type StreamEvent, step } from '../../src/xds/stream.ts';
import type { NackCause } from '../../src/xds/type-state.ts';
import { mayUse, typeUrls } from '../../src/xds/type-url.ts';
import { type Contents, snapshotOf } from './resources.ts';

function ask(fields: Partial<DeltaRequest> & Pick<DeltaRequest, 'typeUrl'>): StreamEvent<DeltaRequest> {
  const empty = { nonce: '', subscribe: [], unsubscribe: [], initialVersions: new Map(), namesCount: 0 };
  return { kind: 'request', request: { ...empty, ...fields } };
}

const replace = (contents: Contents): StreamEvent<DeltaRequest> => ({
  kind: 'snapshot',
  snapshot: snapshotOf(contents),
});

/** Plays events. @returns for each what was sent, as `Type names -removed`, and what was waited for in the end. */
function play(contents: Contents, events: readonly StreamEvent<DeltaRequest>[]) {
  let state: StreamState = newStreamState(snapshotOf(contents), true);
  let waitingFor: string | undefined;
  const sent = events.map((event) => {
    const result = step(delta, state, event, 0);
    if (result.kind !== 'step') throw new Error(result.kind);
    state = result.state;
    waitingFor = result.waitingFor;
    return result.sends.map(({ typeUrl, resources, removed }) =>
      [typeUrl.split('.').at(-1), ...resources.map(({ name }) => name), ...removed.map((name) => `-${name}`)].join(' '),
    );
  });
  return { sent, waitingFor };
}

const { cluster, route, endpoints, runtime } = typeUrls;

describe('the order of sends', () => {
  /** A client that holds cluster `x` and route `r`, both of version 1. */
  const holdsBoth = [
    ask({ typeUrl: cluster }),
    ask({ typeUrl: cluster, nonce: '1' }),
    ask({ typeUrl: route, subscribe: ['r'] }),
    ask({ typeUrl: route, nonce: '2' }),
  ];

  test('a route that changed waits for the ACK of its cluster, and that ACK is what is waited for', () => {
    const { sent, waitingFor } = play({ cluster: { x: '1' }, route: { r: '1' } }, [
      ...holdsBoth,
      replace({ cluster: { x: '2' }, route: { r: '2' } }),
    ]);
    expect(sent.at(-1)).toEqual(['Cluster x']);
    expect(waitingFor).toBe('3');
  });

  test('what is asked for anew waits for nothing: Envoy withholds the ACK of CDS until a new cluster has it', () => {
    const { sent } = play({ cluster: { x: '1' }, endpoints: { x: '1' } }, [
      ask({ typeUrl: cluster }),
      ask({ typeUrl: endpoints, subscribe: ['x', 'absent'] }),
    ]);
    expect(sent).toEqual([['Cluster x'], ['ClusterLoadAssignment x -absent']]);
  });

  test('the endpoints of a cluster that was sent again follow it at once, and other changes wait', () => {
    const { sent } = play({ cluster: { x: '1' }, endpoints: { x: '1', y: '1' } }, [
      ask({ typeUrl: cluster }),
      ask({ typeUrl: cluster, nonce: '1' }),
      ask({ typeUrl: endpoints, subscribe: ['x', 'y'] }),
      ask({ typeUrl: endpoints, nonce: '2' }),
      replace({ cluster: { x: '2' }, endpoints: { x: '1', y: '2' } }),
    ]);
    expect(sent.at(-1)).toEqual(['Cluster x', 'ClusterLoadAssignment x']);
  });

  test('nothing is waited for when nothing is held back', () => {
    const { waitingFor } = play({ cluster: { x: '1' } }, [ask({ typeUrl: cluster })]);
    expect(waitingFor).toBeUndefined();
  });

  test('a cluster that is not acknowledged in time lets the route pass, and its own next change still waits', () => {
    const { sent } = play({ cluster: { x: '1' }, route: { r: '1' } }, [
      ...holdsBoth,
      replace({ cluster: { x: '2' }, route: { r: '2' } }),
      { kind: 'ack-wait-over', nonce: '3' },
      replace({ cluster: { x: '3' }, route: { r: '2' } }),
      ask({ typeUrl: cluster, nonce: '3' }),
    ]);
    expect(sent.slice(-4)).toEqual([['Cluster x'], ['RouteConfiguration r'], [], ['Cluster x']]);
  });

  test('endpoints that change all the time do not hold back a route', () => {
    const at = (version: string, r: string) => replace({ endpoints: { e: version }, route: { r } });
    const { sent } = play({ endpoints: { e: '1' }, route: { r: '1' } }, [
      ask({ typeUrl: endpoints, subscribe: ['e'] }),
      ask({ typeUrl: endpoints, nonce: '1' }),
      ask({ typeUrl: route, subscribe: ['r'] }),
      ask({ typeUrl: route, nonce: '2' }),
      at('2', '2'),
      at('3', '2'),
      ask({ typeUrl: endpoints, nonce: '3' }),
    ]);
    // Endpoints 2 were acknowledged: the route that came with them leaves, and endpoints 3 with it.
    expect(sent.at(-1)).toEqual(['RouteConfiguration r', 'ClusterLoadAssignment e']);
  });
});

describe('a refusal', () => {
  const refused = { code: 3, message: 'no' };

  test('to hear that something is gone is not argued with', () => {
    const { sent } = play({ runtime: { r: '1', s: '1' } }, [
      ask({ typeUrl: runtime, subscribe: ['r', 's'] }),
      ask({ typeUrl: runtime, nonce: '1' }),
      replace({ runtime: { s: '1' } }),
      ask({ typeUrl: runtime, nonce: '2', error: refused }),
      replace({ runtime: { s: '2' } }),
      ask({ typeUrl: runtime, nonce: '3' }),
    ]);
    expect(sent.slice(2)).toEqual([['Runtime -r'], [], ['Runtime s'], []]);
  });

  test('of a change and of an end in one response is followed by the end, once the change is replaced', () => {
    const { sent } = play({ runtime: { r: '1', s: '1' } }, [
      ask({ typeUrl: runtime, subscribe: ['r', 's'] }),
      replace({ runtime: { s: 'bad' } }),
      // Asked for again, what is gone is answered for beside the change.
      ask({ typeUrl: runtime, nonce: '1', subscribe: ['r'] }),
      ask({ typeUrl: runtime, nonce: '2', error: refused }),
      replace({ runtime: { s: '2' } }),
      ask({ typeUrl: runtime, nonce: '3' }),
    ]);
    expect(sent.slice(1)).toEqual([[], ['Runtime s -r'], [], ['Runtime s'], ['Runtime -r']]);
  });

  test('of something that ceased to exist is over in SotW, which cannot say so: clusters go', () => {
    const say = (
      typeUrl: string,
      names: readonly string[],
      nonce = '',
      error?: NackCause,
    ): StreamEvent<SotwRequest> => ({
      kind: 'request',
      request: { typeUrl, names, nonce, version: '', error, namesCount: names.length },
    });
    let state = newStreamState(snapshotOf({ cluster: { x: '1', y: '1' }, route: { r: 'bad' } }), true);
    const events: readonly StreamEvent<SotwRequest>[] = [
      say(cluster, []),
      say(cluster, [], '1'),
      say(route, ['r']),
      say(route, ['r'], '2', refused),
      { kind: 'ack-wait-over', nonce: youth },
      { kind: 'snapshot', snapshot: snapshotOf({ cluster: { x: '1' }, route: {} }) },
    ];
    const removed = events.flatMap((event) => {
      const result = step(sotw, state, event, 0);
      if (result.kind !== 'step') throw new Error(result.kind);
      state = result.state;
      return result.sends.flatMap((send) => send.removed);
    });
    expect(removed).toEqual(['y']);
  });
});

/** @returns what is told of each event: kind, names that came, names that are gone, names no longer asked for. */
function toldOf<R extends XdsRequest>(protocol: Protocol<R>, contents: Contents, events: readonly StreamEvent<R>[]) {
  let state = newStreamState(snapshotOf(contents), true);
  return events.map((event) => {
    const result = step(protocol, state, event, 0);
    if (result.kind !== 'step') throw new Error(result.kind);
    state = result.state;
    const { note, unsubscribed } = result;
    const answered = note.kind === 'acked' || note.kind === 'nacked';
    const names = answered ? [...note.resources.keys(), ...note.removed.map((name) => `-${name}`)] : [];
    return [note.kind, ...names, ...unsubscribed.map((name) => `unsubscribed ${name}`)].join(' ');
  });
}

describe('an answer tells what the client holds no more', () => {
  const refused = { code: 3, message: 'no' };
  const young: StreamEvent<never> = { kind: 'ack-wait-over', nonce: youth };

  test.each([
    ['acked', undefined],
    ['nacked', refused],
  ])('in delta as it was written: %s', (kind, error) => {
    const told = toldOf(delta, { runtime: { r: '1', s: '1' } }, [
      ask({ typeUrl: runtime, subscribe: ['r', 's', 'absent'] }),
      ask({ typeUrl: runtime, nonce: '1' }),
      replace({ runtime: { s: '1' } }),
      ask({ typeUrl: runtime, nonce: '2', error }),
    ]);
    // What never was there is nothing that the client lost.
    expect(told).toEqual(['none', 'acked r s', 'none', `${kind} -r`]);
  });

  test('in SotW by absence, of the types whose responses are the whole truth', () => {
    const say = (nonce: string): StreamEvent<SotwRequest> => ({
      kind: 'request',
      request: { typeUrl: cluster, names: [], nonce, version: '', error: undefined, namesCount: 0 },
    });
    const told = toldOf<SotwRequest>(sotw, { cluster: { x: '1', y: '1' } }, [
      say(''),
      say('1'),
      young,
      { kind: 'snapshot', snapshot: snapshotOf({ cluster: { y: '1' } }) },
      say('2'),
    ]);
    expect(told).toEqual(['none', 'acked x y', 'none', 'none', 'acked y -x']);
  });

  test('and so does a request that takes back a name, as Envoy takes back the endpoints of a cluster that is gone', () => {
    const told = toldOf(delta, { cluster: { x: '1' }, endpoints: { x: '1' } }, [
      ask({ typeUrl: cluster }),
      ask({ typeUrl: endpoints, subscribe: ['x'] }),
      ask({ typeUrl: cluster, nonce: '1' }),
      ask({ typeUrl: endpoints, nonce: '2' }),
      young,
      replace({ cluster: {}, endpoints: {} }),
      ask({ typeUrl: endpoints, unsubscribe: ['x', 'unknown'] }),
      ask({ typeUrl: cluster, nonce: '3' }),
    ]);
    expect(told.slice(-3)).toEqual(['none', 'none unsubscribed x', 'acked -x']);
  });

  test('a name that another spelling still covers is not taken back', () => {
    const told = toldOf(delta, { cluster: { x: '1' } }, [
      ask({ typeUrl: cluster, subscribe: ['*', 'x'] }),
      ask({ typeUrl: cluster, unsubscribe: ['x'] }),
    ]);
    expect(told).toEqual(['none', 'none']);
  });
});

test('a request that is ignored ends no wait', () => {
  const further = Array.from({ length: typesPerStreamMax }, (_, index) => ask({ typeUrl: `t${index}` }));
  const { waitingFor } = play({ cluster: { x: '1' }, route: { r: '1' } }, [
    ask({ typeUrl: cluster }),
    ask({ typeUrl: cluster, nonce: '1' }),
    ask({ typeUrl: route, subscribe: ['r'] }),
    ask({ typeUrl: route, nonce: '2' }),
    replace({ cluster: { x: '2' }, route: { r: '2' } }),
    ...further,
  ]);
  expect(waitingFor).toBe('3');
});

test.each([
  [typeUrls.listener, cluster, true],
  [route, cluster, true],
  [cluster, endpoints, true],
  [cluster, typeUrls.secret, true],
  [typeUrls.listener, route, true],
  [cluster, cluster, false],
  [endpoints, cluster, false],
  [route, typeUrls.listener, false],
])('%s may use %s: %s', (user, used, expected) => {
  expect(mayUse(user, used)).toBe(expected);
});
