/**
 * Whatever happens in whatever order, the clients end up holding the same, and no listener ever loses its cluster.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { EnvoyModel } from './envoy-model.ts';
import { snapshotOf } from './resources.ts';

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
  return fc.record({ listeners, routes, clusters, endpoints: clusters }).map((parts) => {
    const join = ([to, content]: readonly [string, string]) => `${to}#${content}`;
    const listener = Object.fromEntries(Object.entries(parts.listeners).map(([key, value]) => [key, join(value)]));
    const usedRoutes = new Set<string>(Object.values(parts.listeners).map(([to]) => to));
    const kept = Object.entries(parts.routes).filter(([key]) => usedRoutes.has(key));
    const usedClusters = new Set<string>(kept.map(([, [to]]) => to));
    const used = (record: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(record).filter(([key]) => usedClusters.has(key)));
    const route = Object.fromEntries(kept.map(([key, value]) => [key, join(value)]));
    return snapshotOf({ listener, route, cluster: used(parts.clusters), endpoints: used(parts.endpoints) });
  });
}

type Action =
  | { readonly kind: 'snapshot'; readonly snapshot: ResourceSnapshot }
  | { readonly kind: 'to-server' | 'to-client' | 'reconnect' | 'time-out' };

function actions(...kinds: readonly ('reconnect' | 'time-out')[]): fc.Arbitrary<Action[]> {
  const rare = kinds.map((kind) => ({ weight: 1, arbitrary: fc.constant<Action>({ kind }) }));
  return fc.array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: snapshotArbitrary(editionOrBad).map((snapshot): Action => ({ kind: 'snapshot', snapshot })),
      },
      { weight: 12, arbitrary: fc.constantFrom<Action>({ kind: 'to-server' }, { kind: 'to-client' }) },
      ...rare,
    ),
    { maxLength: 80, size: 'max' },
  );
}

const first = snapshotOf({ listener: { l: 'r#1' }, route: { r: 'x#1' }, cluster: { x: '1' }, endpoints: { x: '1' } });

/** Plays the actions. @returns the snapshot that was the newest in the end. */
function play(client: EnvoyModel, script: readonly Action[], afterEach: () => void): ResourceSnapshot {
  let newest = first;
  for (const action of script) {
    switch (action.kind) {
      case 'snapshot':
        newest = action.snapshot;
        client.replace(newest);
        break;
      case 'to-server':
        client.deliverToServer();
        break;
      case 'to-client':
        client.deliverToClient();
        break;
      case 'reconnect':
        client.connect(newest);
        break;
      case 'time-out':
        client.timeOut();
        break;
    }
    afterEach();
  }
  return newest;
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

function contentsOfFresh(snapshot: ResourceSnapshot): unknown {
  const fresh = new EnvoyModel('delta', snapshot);
  drain(fresh);
  return fresh.contents();
}

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  test('after any history a client holds what a fresh one holds', () => {
    fc.assert(
      fc.property(actions('reconnect', 'time-out'), snapshotArbitrary(edition), (script, last) => {
        const client = new EnvoyModel(kind, first);
        play(client, script, () => undefined);
        client.replace(last);
        drain(client);
        expect(client.contents()).toEqual(contentsOfFresh(last));
      }),
      { numRuns: 300 },
    );
  });

  test('a fresh client holds all that is referred to', () => {
    const client = new EnvoyModel(kind, first);
    drain(client);
    expect(client.contents()).toEqual({
      [typeUrls.cluster]: { x: '1' },
      [typeUrls.endpoints]: { x: '1' },
      [typeUrls.listener]: { l: 'r#1' },
      [typeUrls.route]: { r: 'x#1' },
    });
  });

  test('no listener ever serves a cluster that the client does not hold', () => {
    // SotW cannot tell what a returning client holds, so it keeps no order for what is gone (see sotw.ts).
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

  test('a refusal is not repeated: the conversation ends though something stays bad', () => {
    fc.assert(
      fc.property(actions('reconnect'), snapshotArbitrary(editionOrBad), (script, last) => {
        const client = new EnvoyModel(kind, first);
        play(client, script, () => undefined);
        client.replace(last);
        drain(client);
      }),
      { numRuns: 300 },
    );
  });
});
