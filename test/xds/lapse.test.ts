/** What lapses: once the client may have dropped it by its TTL it is not sent again, and the host is told once. */
import { describe, expect, test } from 'vitest';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { beatMs, holding, layers, only, TtlStream, told, ttlMs } from './ttl-stream.ts';

/** The layer `drill` as a drill lays it, beside others. */
function lapsing(content: string, others: Readonly<Record<string, string>> = {}): ResourceSnapshot {
  const snapshot = layers(content, ttlMs, others);
  const listing = new Map(snapshot.types.get(typeUrls.runtime));
  const drill = listing.get('drill');
  if (drill === undefined) throw new Error('no drill layer');
  return { ...snapshot, types: new Map([[typeUrls.runtime, listing.set('drill', { ...drill, lapses: true })]]) };
}

/** Silent from its newest heartbeat until a whole TTL is over. */
function silenced(kind: 'sotw' | 'delta', snapshot: ResourceSnapshot): TtlStream {
  const stream = holding(kind, snapshot);
  stream.at(beatMs).beat();
  expect(stream.at(beatMs + ttlMs).beat()).toEqual([]);
  return stream;
}

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('it gets its heartbeats like any other, up to the last moment of its life', () => {
    const stream = holding(kind, lapsing('fault'));
    expect(told(stream.at(beatMs).beat())).toEqual(['heartbeat drill 10000']);
    expect(told(stream.at(beatMs + ttlMs - 1).beat())).toEqual(['heartbeat drill 10000']);
    expect(stream.lapsed).toEqual([]);
  });

  test('after a silence of a whole TTL it is not sent, gets no heartbeat, and the host is told once', () => {
    const stream = silenced(kind, lapsing('fault'));
    expect(stream.lapsed).toEqual(['drill']);
    expect(stream.heartbeatAtMs).toBeUndefined();
    expect(stream.at(2 * beatMs + ttlMs).beat()).toEqual([]);
    expect(stream.replace(lapsing('fault'))).toEqual([]);
    expect(stream.lapsed).toEqual(['drill']);
  });

  test('after a refused heartbeat it is not sent, and the host is told once that it lapsed, of no refusal', () => {
    const stream = holding(kind, lapsing('fault'));
    const heartbeat = only(stream.at(beatMs).beat());
    stream.notes = [];
    expect(stream.nack(heartbeat)).toEqual([]);
    expect(stream.notes).toEqual(['lapsed']);
    expect(stream.lapsed).toEqual(['drill']);
    stream.nack(heartbeat);
    expect(stream.lapsed).toEqual(['drill']);
    expect(stream.heartbeatAtMs).toBeUndefined();
  });

  test('lifted, the snapshot gives the client its own again; laid anew, the same content is sent', () => {
    const stream = silenced(kind, lapsing('fault'));
    const own = only(stream.replace(layers('')));
    expect(told([own])).toEqual(['whole drill undefined']);
    expect(stream.ack(own)).toEqual([]);
    const again = only(stream.replace(lapsing('fault')));
    expect(told([again])).toEqual(['whole drill 10000']);
    stream.ack(again);
    expect(stream.heartbeatAtMs).toBe(ttlMs + 2 * beatMs);
    expect(stream.lapsed).toEqual(['drill']);
  });

  test('taken away without anything in its place, and laid anew, it is sent', () => {
    const stream = silenced(kind, lapsing('fault'));
    for (const send of stream.replace({ revision: 'r2', types: new Map([[typeUrls.runtime, new Map()]]) })) {
      stream.ack(send);
    }
    expect(told(stream.replace(lapsing('fault')))).toEqual(['whole drill 10000']);
  });

  test('another content is sent at once: it is another decision of the host', () => {
    const stream = silenced(kind, lapsing('fault'));
    expect(told(stream.replace(lapsing('lesser fault')))).toEqual(['whole drill 10000']);
  });

  test('it lapses as well where the ACK of its first sending came after its end', () => {
    const stream = new TtlStream(kind, lapsing('fault'));
    const first = only(stream.ask());
    stream.at(ttlMs).ack(first);
    expect(stream.heartbeatAtMs).toBeLessThanOrEqual(ttlMs);
    expect(stream.beat()).toEqual([]);
    expect(stream.lapsed).toEqual(['drill']);
  });

  test('what lies beside it is sent as ever, and its refusal and its acceptance bring nothing back', () => {
    const stream = silenced(kind, lapsing('fault', { other: '1' }));
    const carried = (sends: ReturnType<TtlStream['replace']>) =>
      sends.flatMap(({ resources }) => resources.map(({ name }) => name));
    const bad = only(stream.replace(lapsing('fault', { other: '2' })));
    expect(carried([bad])).toEqual(['other']);
    expect(carried(stream.nack(bad))).toEqual([]);
    const good = only(stream.replace(lapsing('fault', { other: '3' })));
    expect(carried([good])).toEqual(['other']);
    expect(carried(stream.ack(good))).toEqual([]);
    expect(stream.lapsed).toEqual(['drill']);
  });
});
