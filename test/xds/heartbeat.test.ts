/** What a client drops unless it hears of it: the reducer on a clock of its own, in both protocols. */
import { describe, expect, test } from 'vitest';
import { delta } from '../../src/xds/delta.ts';
import { withTtl } from '../../src/xds/resource.ts';
import { sotw } from '../../src/xds/sotw.ts';
import { newStreamState, step } from '../../src/xds/stream.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { resource } from './resources.ts';
import { beatMs, holding, layers, only, TtlStream, told, ttlMs } from './ttl-stream.ts';

const { runtime: typeUrl } = typeUrls;

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('XDS-53 a resource with a TTL gets a heartbeat of the same version after 0.3 of it, and again', () => {
    const stream = holding(kind, layers('fault', ttlMs));
    expect(stream.heartbeatAtMs).toBe(beatMs);
    expect(stream.at(beatMs - 1).beat()).toEqual([]);
    const [version] = [...(layers('fault', ttlMs).types.get(typeUrl)?.values() ?? [])].map((each) => each.version);
    const first = only(stream.at(beatMs).beat());
    expect(told([first])).toEqual(['heartbeat drill 10000']);
    expect(first.resources[0]?.version).toBe(version);
    expect(stream.heartbeatAtMs).toBe(2 * beatMs);
    expect(told(stream.at(2 * beatMs).beat())).toEqual(['heartbeat drill 10000']);
  });

  test('a resource without a TTL has no heartbeat', () => {
    expect(holding(kind, layers('')).heartbeatAtMs).toBeUndefined();
  });

  test('XDS-52 a client that knows no TTL is told none, and hears no heartbeat', () => {
    const stream = new TtlStream(kind, layers('fault', ttlMs), false);
    expect(only(stream.ask()).form).toBe('plain');
    expect(stream.heartbeatAtMs).toBeUndefined();
  });

  test('the ACK of a heartbeat is nothing new, and its absence holds nothing back', () => {
    const stream = holding(kind, layers('fault', ttlMs));
    const heartbeat = only(stream.at(beatMs).beat());
    const update = only(stream.replace(layers('worse', ttlMs)));
    expect(update.form).toBe('whole');
    stream.notes = [];
    expect(stream.ack(heartbeat)).toEqual([]);
    expect(stream.notes).toEqual(['none']);
    stream.ack(update);
    expect(stream.notes).toEqual(['none', 'acked']);
  });

  test('XDS-53 a TTL that changed is sent, and one that is gone is taken back by the resource without it', () => {
    const stream = holding(kind, layers('fault', ttlMs));
    const longer = only(stream.at(1_000).replace(layers('fault', 2 * ttlMs)));
    expect(told([longer])).toEqual(['whole drill 20000']);
    stream.ack(longer);
    expect(stream.heartbeatAtMs).toBe(1_000 + 2 * beatMs);
    const plain = only(stream.replace(layers('fault')));
    expect(told([plain])).toEqual(['whole drill undefined']);
    stream.ack(plain);
    expect(stream.heartbeatAtMs).toBeUndefined();
  });

  test('XDS-53 after a silence of a whole TTL the resource is sent whole, once, and not as a bare heartbeat', () => {
    const stream = holding(kind, layers('fault', ttlMs));
    stream.at(beatMs).beat();
    const whole = only(stream.at(beatMs + ttlMs).beat());
    expect(told([whole])).toEqual(['whole drill 10000']);
    expect(stream.ack(whole)).toEqual([]);
    expect(told(stream.at(2 * beatMs + ttlMs).beat())).toEqual(['heartbeat drill 10000']);
  });

  test('a refused heartbeat says that the client lost the resource: it is sent whole', () => {
    const stream = holding(kind, layers('fault', ttlMs));
    const heartbeat = only(stream.at(beatMs).beat());
    const whole = only(stream.nack(heartbeat));
    expect(told([whole])).toEqual(['whole drill 10000']);
    expect(stream.notes.at(-1)).toBe('nacked');
    expect(stream.ack(whole)).toEqual([]);
  });

  test('what a client refused to take gets no heartbeat', () => {
    const stream = new TtlStream(kind, layers('fault', ttlMs));
    expect(stream.nack(only(stream.ask()))).toEqual([]);
    expect(stream.heartbeatAtMs).toBeUndefined();
    expect(stream.at(beatMs).beat()).toEqual([]);
  });

  test('what is on its way gets no heartbeat, since the client does not hold that version yet', () => {
    const stream = new TtlStream(kind, layers('fault', ttlMs));
    const first = only(stream.ask());
    expect(stream.heartbeatAtMs).toBeUndefined();
    expect(stream.at(beatMs).beat()).toEqual([]);
    stream.ack(first);
    expect(told(stream.at(beatMs).beat())).toEqual(['heartbeat drill 10000']);
  });

  test('what lost its heartbeats to an ACK that did not come is sent whole when it comes', () => {
    const stream = new TtlStream(kind, layers('fault', ttlMs));
    const first = only(stream.ask());
    stream.at(ttlMs).ack(first);
    expect(stream.heartbeatAtMs).toBeLessThanOrEqual(ttlMs);
    expect(told(stream.beat())).toEqual(['whole drill 10000']);
  });
});

test('in delta another resource that is on its way does not silence the heartbeat', () => {
  const stream = holding('delta', layers('fault', ttlMs, { other: '1' }));
  stream.replace(layers('fault', ttlMs, { other: '2' }));
  expect(told(stream.at(beatMs).beat())).toEqual(['heartbeat drill 10000']);
});

test('in SotW a heartbeat carries the version that was accepted last, by which the client knows it', () => {
  const stream = new TtlStream('sotw', layers('fault', ttlMs));
  const first = only(stream.ask());
  stream.ack(first);
  expect(only(stream.at(beatMs).beat()).version).toBe(first.version);
});

test('in SotW a subscription that changes with the nonce of a heartbeat is honoured', () => {
  const stream = new TtlStream('sotw', layers('fault', ttlMs));
  stream.ack(only(stream.ask()));
  const heartbeat = only(stream.at(beatMs).beat());
  stream.replace(layers('fault', ttlMs, { third: '1' }));
  expect(told(stream.ask({ nonce: heartbeat.nonce, names: ['drill', 'third'] }))).toEqual(['whole third undefined']);
  expect(stream.notes.at(-1)).toBe('none');
});

test('a client that returns with a version of something mortal is sent it whole: nobody knows how long it holds it', () => {
  const snapshot = layers('fault', ttlMs);
  const version = snapshot.types.get(typeUrl)?.get('drill')?.version ?? '';
  const stream = new TtlStream('delta', snapshot);
  expect(told(stream.ask({ initialVersions: new Map([['drill', version]]) }))).toEqual(['whole drill 10000']);
});

test('in SotW listeners have no TTL: a response of heartbeats alone would delete the others', () => {
  const listener = withTtl(resource(typeUrls.listener, 'l', '1'), ttlMs);
  const state = newStreamState(
    { revision: 'r', types: new Map([[typeUrls.listener, new Map([['l', listener]])]]) },
    true,
  );
  const request = { typeUrl: typeUrls.listener, names: [], version: '', nonce: '', namesCount: 0 };
  const result = step(sotw, state, { kind: 'request', request }, 0);
  expect(result).toMatchObject({ kind: 'step', sends: [{ form: 'plain' }], heartbeatAtMs: undefined });
});

test('a client takes a TTL in delta always, and in SotW if it says that it does and that it unwraps resources', () => {
  const [wrapper, ttl] = ['xds.config.supports-resource-in-sotw', 'xds.config.supports-resource-ttl'];
  expect([delta.takesTtl([]), sotw.takesTtl([wrapper, ttl]), sotw.takesTtl([wrapper]), sotw.takesTtl([ttl])]).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
