/** While a client has not answered, changes merge: whatever their number, it is told once more, of the newest, and at once. */
import { describe, expect, test } from 'vitest';
import { SnapshotCache } from '../../src/xds/cache.ts';
import { type DeltaRequest, delta } from '../../src/xds/delta.ts';
import type { Send } from '../../src/xds/order.ts';
import { SharedBodies } from '../../src/xds/shared-bodies.ts';
import { newStreamState, step } from '../../src/xds/stream.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { wires } from '../../src/xds/wire.ts';
import { resource } from './resources.ts';

const typeUrl = typeUrls.endpoints;
const others = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`e${index}`, '1']));

/** The mesh after one more change of one endpoint; what did not change is the very same value. */
const unchanged = Object.entries(others).map(([name, content]) => [name, resource(typeUrl, name, content)] as const);
function meshOf(change: number) {
  const moved = resource(typeUrl, 'moved', String(change));
  return { revision: `r${change}`, types: new Map([[typeUrl, new Map([...unchanged, ['moved', moved] as const])]]) };
}

/** Streams of one cache, as the service has them, without their sockets. */
function crowd(size: number) {
  const cache = new SnapshotCache();
  const sends: Send[] = [];
  const nonces = new Map<string, string>();
  let [written, visited] = [0, 0];
  const bodies = new SharedBodies((send) => {
    written += 1;
    return wires.delta.write(send, 'id');
  });
  const streams = Array.from({ length: size }, (_, index) => {
    const key = `proxy-${index}`;
    cache.set(key, first);
    let state = newStreamState(first, true);
    const take = (event: Parameters<typeof step<DeltaRequest>>[2]) => {
      const result = step(delta, state, event, 0);
      if (result.kind !== 'step') throw new Error(result.kind);
      state = result.state;
      for (const send of result.sends) {
        bodies.responseOf(send);
        sends.push(send);
        nonces.set(key, send.nonce);
      }
    };
    cache.subscribe(key, {
      takesTtl: () => true,
      replaced(snapshot) {
        visited += 1;
        take({ kind: 'snapshot', snapshot });
      },
      vanished: () => undefined,
    });
    const ask = (fields: Partial<DeltaRequest>) => {
      const empty = { typeUrl, nonce: '', subscribe: [], unsubscribe: [], initialVersions: new Map(), namesCount: 0 };
      take({ kind: 'request', request: { ...empty, ...fields } });
    };
    ask({ subscribe: ['*'] });
    return { key, ack: () => ask({ nonce: nonces.get(key) ?? '' }) };
  });
  return {
    streams,
    change(number: number) {
      const mesh = meshOf(number);
      for (const { key } of streams) cache.set(key, mesh);
    },
    /** Since the last time. */
    count() {
      const told = new Set(
        sends.flatMap(({ resources }) => resources.map(({ name, version }) => `${name} ${version}`)),
      );
      const counts = { pushes: sends.length, written, visited, told: [...told] };
      sends.length = 0;
      [written, visited] = [0, 0];
      return counts;
    },
  };
}

const first = meshOf(0);
const streams = 20;

function moved(change: number): string {
  return `moved ${resource(typeUrl, 'moved', String(change)).version}`;
}

describe.each([1, 100])('%i changes', (changes) => {
  test('while an answer is outstanding are no push, and one when it comes: of the newest, and written once for all', () => {
    const { change, count, streams: open } = crowd(streams);
    expect(count()).toMatchObject({ pushes: streams, written: 1, visited: 0 });
    for (const { ack } of open) ack();
    // The first change goes at once.
    change(1);
    expect(count()).toEqual({ pushes: streams, written: 1, visited: streams, told: [moved(1)] });
    for (let number = 2; number <= changes + 1; number += 1) change(number);
    expect(count()).toEqual({ pushes: 0, written: 0, visited: streams * changes, told: [] });
    for (const { ack } of open) ack();
    expect(count()).toEqual({ pushes: streams, written: 1, visited: 0, told: [moved(changes + 1)] });
    for (const { ack } of open) ack();
    expect(count()).toEqual({ pushes: 0, written: 0, visited: 0, told: [] });
  });

  test('that one client does not answer delay no other, and cost it one push', () => {
    const { change, count, streams: open } = crowd(streams);
    const [slow, ...others] = open;
    for (const { ack } of open) ack();
    change(1);
    for (let number = 2; number <= changes + 1; number += 1) {
      for (const { ack } of others) ack();
      change(number);
    }
    expect(count()).toMatchObject({ pushes: 2 * streams + others.length * changes, written: 2 + changes });
    slow?.ack();
    expect(count()).toMatchObject({ pushes: 1, written: 0, told: [moved(changes + 1)] });
  });
});
