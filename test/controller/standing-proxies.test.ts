/** Who holds all that was made for it: by what streams say, and by what the roll-out has handed on. */
import { describe, expect, test } from 'vitest';
import { workerKey } from '../../src/controller/configure.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import { standingProxies } from '../../src/controller/standing-proxies.ts';
import type { ClientStatus, TypeStatus } from '../../src/xds/client-status.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../fixtures/two-tenants.ts';
import { TestClock } from '../xds/test-clock.ts';
import { Kept } from './kept.ts';

function type(typeUrl: string, state: TypeStatus['state'] = 'SYNCED'): TypeStatus {
  return { typeUrl, state, wildcard: true, names: 0, asked: new Set(), sentVersion: 'v', ackedVersion: 'v' };
}

const whole = [type(typeUrls.cluster), type(typeUrls.listener), type(typeUrls.route)];

function stream(key: string, types: readonly TypeStatus[] = whole, number = 1): ClientStatus {
  const of = { stream: number, protocol: 'delta', key, nodeId: key, address: '10.0.0.1:1' } as const;
  return { ...of, openedAtMs: number, takesTtl: true, types };
}

const isWhole = (clients: readonly ClientStatus[], isGiven = true) =>
  standingProxies(clients, () => isGiven).map((each) => each.isWhole);

describe('a sidecar', () => {
  test('holds all where each type it asked for is accepted', () => {
    expect(isWhole([stream('shop/a')])).toEqual([true]);
  });

  test.each(['STALE', 'NACKED'] as const)('does not where one type is %s', (state) => {
    expect(isWhole([stream('shop/a', [...whole, type(typeUrls.endpoints, state)])])).toEqual([false]);
  });

  test('does not while it has asked for half of what every sidecar asks for', () => {
    expect(isWhole([stream('shop/a', [type(typeUrls.cluster)])])).toEqual([false]);
  });

  test('does not while something is kept from it', () => {
    expect(isWhole([stream('shop/a')], false)).toEqual([false]);
  });

  test('speaks by its newest stream', () => {
    expect(isWhole([stream('shop/a', whole, 1), stream('shop/a', [], 2)])).toEqual([false]);
  });
});

test('authorization workers share a key, and each counts', () => {
  const programs = [type('programs')];
  const workers = [stream(workerKey, programs, 1), stream(workerKey, [type('programs', 'STALE')], 2)];
  expect(standingProxies(workers, () => true)).toEqual([
    { kind: 'worker', name: `${workerKey} 1`, openedAtMs: 1, isWhole: true },
    { kind: 'worker', name: `${workerKey} 2`, openedAtMs: 2, isWhole: false },
  ]);
});

describe('what the roll-out has handed on', () => {
  const port = 'name: http, port: 80, targetPort: 8080';
  const world = documents(
    tenant('shop'),
    pod('shop', 'web', '10.1.0.1'),
    pod('shop', 'api', '10.1.0.2'),
    service('shop', 'api', '10.96.0.2', port),
  );
  const timeouts = `
apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: t, namespace: shop }
spec: { service: api, timeouts: { request: 2s } }
`;

  function started() {
    const cache = { set: () => undefined, delete: () => undefined, setReady: () => undefined };
    const rollout = new Rollout({ clock: new TestClock(), cache, refusalsChanged: () => undefined });
    const kept = new Kept();
    const look = (...texts: readonly string[]) => {
      const snapshot = kept.look(meshFrom(documents(...texts)));
      rollout.publish(kept.configurations, [], snapshot);
      return snapshot;
    };
    return { rollout, look };
  }

  test('a proxy that waits behind a canary was not given all', () => {
    const { rollout, look } = started();
    expect(rollout.published()).toBeUndefined();
    look(world);
    expect(rollout.isGiven('shop/web-1')).toBe(true);
    // Nobody is connected, so nobody tries it.
    const edited = look(world, timeouts);
    expect(rollout.published()).toBe(edited);
    expect(rollout.isGiven('shop/web-1')).toBe(false);
    look(world);
    expect(rollout.isGiven('shop/web-1')).toBe(true);
  });

  test('one for which nothing was made was given nothing', () => {
    const { rollout, look } = started();
    look(world);
    expect(rollout.isGiven('shop/ghost-1')).toBe(false);
  });
});
