/** What a quarantine changes on peers, resource by resource: what closes waits for no canary, what opens again may. */
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { canaryWaitMs } from '../../src/controller/canary.ts';
import { mayWait } from '../../src/controller/may-wait.ts';
import { rightsOf } from '../../src/controller/rights.ts';
import { Rollout } from '../../src/controller/rollout.io.ts';
import { waitMs } from '../../src/controller/schedule.ts';
import { standingAt } from '../../src/model/quarantine.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { configured, configuredProxy, decoded, versionsOf } from '../fixtures/configured.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { quarantined } from '../fixtures/random-quarantines.ts';
import { atelier, twoTenants } from '../fixtures/two-tenants.ts';
import { TestClock } from '../xds/test-clock.ts';

const endMs = 1_000_000;
/** A second identity behind the database. */
const replica = `
apiVersion: v1
kind: Pod
metadata: { name: replica-1, namespace: atelier, labels: { app: db } }
spec: { serviceAccountName: replica, containers: [{ name: app, image: app }] }
status: { podIP: 10.1.0.77, podIPs: [{ ip: 10.1.0.77 }], conditions: [{ type: Ready, status: "True" }] }
`;
const open = meshFrom(documents(twoTenants, replica));

function without(...accounts: readonly string[]): Snapshot {
  const quarantines = standingAt(
    accounts.map((account) => quarantined('atelier', account, endMs)),
    0,
  );
  return { ...open, quarantines, revision: 'other' };
}

function changed(
  before: ResourceSnapshot,
  after: ResourceSnapshot,
): ReadonlyMap<string, readonly [Resource, Resource]> {
  const pairs = new Map<string, readonly [Resource, Resource]>();
  for (const [type, listing] of after.types) {
    for (const [name, resource] of listing) {
      const was = before.types.get(type)?.get(name);
      if (was !== undefined && was.version !== resource.version)
        pairs.set(`${type.split('.').at(-1)} ${name}`, [was, resource]);
    }
  }
  return pairs;
}

test('on peers every change that a quarantine makes is at once, and what it opened again may wait but for chains', () => {
  for (const [account, peer] of [
    ['web', 'atelier/api-1'],
    ['web', 'atelier/db-1'],
    ['db', 'atelier/web-1'],
  ] as const) {
    const [before, after] = [configuredProxy(open, peer), configuredProxy(without(account), peer)];
    const tightened = changed(before, after);
    expect(tightened.size, peer).toBeGreaterThan(0);
    for (const [name, [was, is]] of tightened) expect([name, mayWait(was, is)]).toEqual([name, false]);
    const rules = [...changed(after, before)].filter(([name]) => name.startsWith('RouteConfiguration in/'));
    for (const [name, [was, is]] of rules) expect([name, mayWait(was, is)]).toEqual([name, true]);
  }
});

test('the rules of a peer refuse it first of all, by its exact name', () => {
  const routes = JSON.stringify([...decoded(configuredProxy(without('web'), 'atelier/api-1'), 'route')]);
  expect(routes).toContain('"0/quarantine"');
  expect(routes.indexOf(atelier.web)).toBeGreaterThan(0);
});

test('chains that it stood on have another name, so that Envoy ends what is open, and no other chain has', () => {
  const chainsOf = (snapshot: Snapshot, peer: string) =>
    [...decoded(configuredProxy(snapshot, peer), 'listener')].flatMap(([listener, value]) =>
      ((value as { filter_chains?: { name?: string }[] }).filter_chains ?? []).map(
        ({ name = '' }) => `${listener} ${name}`,
      ),
    );
  const inbound = (snapshot: Snapshot) =>
    chainsOf(snapshot, 'atelier/db-1').filter((name) => name.startsWith('inbound '));
  expect(inbound(open)).toEqual(['inbound in/5432/atelier']);
  expect(inbound(without('web'))).toEqual([
    expect.stringMatching(/^inbound in\/5432\/atelier\/without\/[0-9a-f]{16}$/),
  ]);
  expect(inbound(without('web', 'api'))).not.toEqual(inbound(without('web')));
  // Of two identities behind a service one is cut off: the way stays, and what is open on it ends.
  const moved = chainsOf(without('db'), 'atelier/web-1').filter(
    (name) => !chainsOf(open, 'atelier/web-1').includes(name),
  );
  expect(moved).toEqual([expect.stringMatching(/^out\/atelier\/db\/5432\/.* way\/without\/[0-9a-f]{16}$/)]);
});

test('under one everything of its own that leads anywhere is gone, and its certificate is not', () => {
  const own = configuredProxy(without('web'), 'atelier/web-1');
  const names = (type: 'listener' | 'cluster' | 'route' | 'secret') => [...decoded(own, type).keys()];
  expect(names('listener').filter((name) => name.startsWith('out/'))).toEqual([]);
  expect(names('cluster').filter((name) => /^(app|atelier)\//.test(name))).toEqual([]);
  expect(names('route')).toEqual([]);
  expect(names('secret')).toContain('identity');
});

test('it changes the rights of everybody, and the loop looks again when it ends', () => {
  expect(rightsOf(without('web'), 0).places).not.toBe(rightsOf(open, 0).places);
  expect(waitMs(without('web'), [], endMs - 50)).toBe(50);
});

test('a quarantine is with every proxy in the same breath, though nobody answers; what its release opens is tried first', () => {
  const clock = new TestClock();
  const given = new Map<string, ResourceSnapshot>();
  const cache = {
    set: (proxy: string, snapshot: ResourceSnapshot) => given.set(proxy, snapshot),
    delete: () => undefined,
    setReady: () => undefined,
  };
  const rollout = new Rollout({ clock, cache, refusalsChanged: () => undefined });
  const publish = (snapshot: Snapshot) => {
    const wanted = configured(snapshot);
    rollout.publish(wanted, [], snapshot);
    return [...wanted].filter(
      ([key, each]) => !isDeepStrictEqual(versionsOf(each), versionsOf(given.get(key) ?? each)),
    );
  };
  publish(open);
  for (const key of open.workloads.keys()) {
    rollout.heard({ kind: 'stream-opened', nodeId: key, address: '', stream: 1, protocol: 'delta', key });
  }
  while (clock.armed > 0) clock.advance(canaryWaitMs);
  expect(publish(without('web'))).toEqual([]);
  const opening = publish({ ...open, revision: 'released' }).map(([key]) => key);
  expect(opening.length).toBeGreaterThan(0);
  for (let waits = 0; clock.armed > 0 && waits < 50; waits += 1) clock.advance(canaryWaitMs);
  expect(publish({ ...open, revision: 'released' })).toEqual([]);
  rollout.stop();
});
