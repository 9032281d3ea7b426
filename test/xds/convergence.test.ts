/**
 * Whatever happens in whatever order, the clients end up holding the same, and no listener ever loses its cluster.
 *
 *   changes, refusals, delays, reconnects, restarts, faults with a TTL ──▶ SotW = delta = a client that was just born
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laidOver, overlayOf } from '../../src/xds/overlay.ts';
import { type ResourceSnapshot, withTtl } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { EnvoyModel } from './envoy-model.ts';
import { resource, snapshotOf } from './resources.ts';

const name = { cluster: fc.constantFrom('x', 'y', 'z'), route: fc.constantFrom('r', 's', 't') };
const edition = fc.constantFrom('1', '2', '3');
/** Routes and listeners may be refused; a refused cluster does not hold back its routes, so it is left out. */
const editionOrBad = fc.oneof({ weight: 4, arbitrary: edition }, { weight: 1, arbitrary: fc.constant('bad') });

/** A consistent snapshot: every listener's route exists, and every route's cluster. */
function snapshotArbitrary(quality: fc.Arbitrary<string>): fc.Arbitrary<ResourceSnapshot> {
  const listeners = fc.dictionary(fc.constantFrom('l', 'm'), fc.tuple(name.route, quality), { noNullPrototype: true });
  const routes = fc.record({
    r: fc.tuple(name.cluster, quality),
    s: fc.tuple(name.cluster, quality),
    t: fc.tuple(name.cluster, quality),
  });
  const clusters = fc.record({ x: edition, y: edition, z: edition });
  return fc.record({ listeners, routes, clusters, endpoints: clusters, layer: edition }).map((parts) => {
    const join = ([to, content]: readonly [string, string]) => `${to}#${content}`;
    const listener = Object.fromEntries(Object.entries(parts.listeners).map(([key, value]) => [key, join(value)]));
    const usedRoutes = new Set<string>(Object.values(parts.listeners).map(([to]) => to));
    const kept = Object.entries(parts.routes).filter(([key]) => usedRoutes.has(key));
    const usedClusters = new Set<string>(kept.map(([, [to]]) => to));
    const used = (record: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(record).filter(([key]) => usedClusters.has(key)));
    const route = Object.fromEntries(kept.map(([key, value]) => [key, join(value)]));
    const [cluster, endpoints] = [used(parts.clusters), used(parts.endpoints)];
    return snapshotOf({ listener, route, cluster, endpoints, runtime: { drill: parts.layer } });
  });
}

type Action =
  | { readonly kind: 'snapshot'; readonly snapshot: ResourceSnapshot }
  /** A fault with a TTL is laid over the runtime layer, or the one there was is lifted. */
  | { readonly kind: 'fault'; readonly content: string | undefined }
  | { readonly kind: 'pass'; readonly ms: number }
  /** `reconnect` with the versions of what is held, `restart` without anything. */
  | { readonly kind: 'to-server' | 'to-client' | 'reconnect' | 'restart' | 'time-out' };

const ttlMs = 10_000;

function actions(...kinds: readonly ('reconnect' | 'time-out')[]): fc.Arbitrary<Action[]> {
  const rare = [...kinds, 'restart' as const].map((kind) => ({ weight: 1, arbitrary: fc.constant<Action>({ kind }) }));
  const content = fc.constantFrom('fault 1', 'fault 2', undefined);
  const ms = fc.integer({ min: 1, max: 2 * ttlMs });
  return fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: snapshotArbitrary(editionOrBad).map((snapshot): Action => ({ kind: 'snapshot', snapshot })),
      },
      { weight: 12, arbitrary: fc.constantFrom<Action>({ kind: 'to-server' }, { kind: 'to-client' }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('fault' as const), content }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms }) },
      ...rare,
    ),
    { maxLength: 80, size: 'max' },
  );
}

const first = snapshotOf({
  listener: { l: 'r#1' },
  route: { r: 'x#1' },
  cluster: { x: '1' },
  endpoints: { x: '1' },
  runtime: { drill: '1' },
});

/** What clients may see while a fault lies over the runtime layer. */
function under(fault: string | undefined, snapshot: ResourceSnapshot): ResourceSnapshot {
  if (fault === undefined) return snapshot;
  const laid = overlayOf([withTtl(resource(typeUrls.runtime, 'drill', fault), ttlMs)]);
  return laidOver(snapshot, laid, () => true);
}

/** Plays the actions; a fault that is left in the end stays. */
function play(client: EnvoyModel, script: readonly Action[], afterEach: () => void = () => undefined): void {
  let newest = first;
  let fault: string | undefined;
  for (const action of script) {
    switch (action.kind) {
      case 'snapshot':
        newest = action.snapshot;
        client.replace(under(fault, newest));
        break;
      case 'fault':
        fault = action.content;
        client.replace(under(fault, newest));
        break;
      case 'pass':
        client.pass(action.ms);
        break;
      case 'to-server':
        client.deliverToServer();
        break;
      case 'to-client':
        client.deliverToClient();
        break;
      case 'reconnect':
        client.connect(under(fault, newest));
        break;
      case 'restart':
        client.restart(under(fault, newest));
        break;
      case 'time-out':
        client.timeOut();
        break;
    }
    afterEach();
  }
}

/** Delivers until nobody has anything to say; fails rather than loop. */
function drain(client: EnvoyModel, afterEach: () => void = () => undefined): void {
  const messagesMax = 1_000;
  for (let count = 0; count < messagesMax; count += 1) {
    if (!client.deliverToClient() && !client.deliverToServer() && !client.timeOut()) return;
    afterEach();
  }
  throw new Error('the conversation does not end');
}

function everyListenerHasItsCluster(client: EnvoyModel): void {
  const clusters = [...client.held(typeUrls.cluster).keys()];
  for (const [listener, cluster] of client.serving()) expect(clusters, listener).toContain(cluster);
}

/** What clients of all kinds hold after this history, one that was just born among them, once nothing is delayed any more. */
function contentsAfter(script: readonly Action[], last: ResourceSnapshot) {
  const [sotw, delta] = (['sotw', 'delta'] as const).map((kind) => {
    const client = new EnvoyModel(kind, first);
    play(client, script);
    client.replace(last);
    return contentsInTheEnd(client);
  });
  return { sotw, delta, fresh: contentsInTheEnd(new EnvoyModel('delta', last)) };
}

/** Longer than any fault lives that is not kept alive. */
function contentsInTheEnd(client: EnvoyModel): unknown {
  drain(client);
  for (let passedMs = 0; passedMs <= ttlMs; passedMs += ttlMs / 4) {
    client.pass(ttlMs / 4);
    drain(client);
  }
  return client.contents();
}

test.each([
  ['while no fault lies', fc.constant(undefined)],
  ['while one lies', fc.constantFrom('fault 1', 'fault 2')],
])('after any history a SotW client, a delta client and a fresh one hold the same, %s', (_, fault) => {
  fc.assert(
    fc.property(actions('reconnect', 'time-out'), snapshotArbitrary(edition), fault, (script, last, left) => {
      const { sotw, delta, fresh } = contentsAfter(script, under(left, last));
      expect(sotw).toEqual(fresh);
      expect(delta).toEqual(fresh);
      expect(fresh).toHaveProperty([typeUrls.runtime, 'drill'], left ?? expect.stringMatching(/^\d$/));
    }),
    { numRuns: 400 },
  );
});

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('a fresh client holds all that is referred to', () => {
    const client = new EnvoyModel(kind, first);
    drain(client);
    expect(client.contents()).toEqual({
      [typeUrls.cluster]: { x: '1' },
      [typeUrls.endpoints]: { x: '1' },
      [typeUrls.listener]: { l: 'r#1' },
      [typeUrls.route]: { r: 'x#1' },
      [typeUrls.runtime]: { drill: '1' },
    });
  });

  test('no listener ever serves a cluster that the client does not hold', () => {
    // SotW cannot tell what a client holds that comes back holding something, so it keeps no order for what is gone.
    const script = kind === 'delta' ? actions('reconnect') : actions();
    fc.assert(
      fc.property(script, (each) => {
        const client = new EnvoyModel(kind, first);
        const check = () => everyListenerHasItsCluster(client);
        drain(client, check);
        play(client, each, check);
        drain(client, check);
      }),
      { numRuns: 300 },
    );
  });

  test('a fault is seen and outlived: it ends with its TTL where nothing more is heard, and is laid anew by a return', () => {
    const client = new EnvoyModel(kind, first);
    const layer = () => client.contents()[typeUrls.runtime];
    drain(client);
    client.replace(under('fault', first));
    drain(client);
    expect(layer()).toEqual({ drill: 'fault' });
    // Its heartbeats lie unread.
    client.pass(ttlMs);
    expect(layer()).toEqual({});
    drain(client);
    expect(layer()).toEqual({ drill: 'fault' });
    client.restart(under('fault', first));
    drain(client);
    expect(layer()).toEqual({ drill: 'fault' });
  });

  test('a refusal is not repeated: the conversation ends though something stays bad', () => {
    fc.assert(
      fc.property(actions('reconnect'), snapshotArbitrary(editionOrBad), (script, last) => {
        const client = new EnvoyModel(kind, first);
        play(client, script);
        client.replace(last);
        drain(client);
      }),
      { numRuns: 300 },
    );
  });
});
