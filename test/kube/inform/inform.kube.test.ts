/** A real API server, spoiled on the way: whatever happened, what is held is what a fresh list says. */
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LossGuard } from '../../../src/controller/loss-guard.ts';
import { informRules, resources } from '../../../src/kube/inform/resource.ts';
import { watchClusterDefaults } from '../../../src/kube/inform/watch-cluster.ts';
import type { Fault } from '../faulty-proxy.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { account, grant, namespace, pod, remove, tenant, write } from './cluster-objects.ts';
import { type FollowedCluster, followCluster } from './followed-cluster.ts';

/** Of the optional kinds none is installed. */
const everyKindThere = resources.filter(({ isOptional }) => !isOptional).length;

whereKube('a followed cluster', () => {
  let cluster: RunningCluster;
  let kube: Kube;
  let followed: FollowedCluster;

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    await installDefinitions(kube);
    await write(kube, namespace('shop'), namespace('pay'), tenant('shop'), tenant('pay'));
    await write(kube, grant('pay', 'to-api', 'shop'), pod('shop', 'cart-1'), account('shop', 'cart'));
    followed = await followCluster(cluster);
    await followed.settled();
  });

  afterAll(async () => {
    await followed.close();
    await kube.close();
    await cluster.stop();
  });

  test('all kinds are read, and a kind of another project that is not there is none', () => {
    const kinds = new Set([...followed.held().keys()].map((id) => id.slice(0, id.indexOf('/'))));
    expect([...kinds]).toEqual(expect.arrayContaining(['Tenant', 'Grant', 'Namespace', 'ServiceAccount', 'Pod']));
    expect(followed.problems()).toEqual([]);
    expect(followed.contents()?.objects.find(({ id }) => id === 'Grant/pay/to-api')?.where).toEqual({
      file: 'Grant/pay/to-api',
      line: 1,
    });
  });

  test('what is not read of an object tells nobody anything, and keeps the very same value', async () => {
    const before = followed.contents()?.objects.find(({ id }) => id === 'Namespace//shop');
    const spoken = followed.tellings();
    const patch = { metadata: { annotations: { note: 'nobody reads this' } } };
    const { status } = await kube.request('PUT', '/api/v1/namespaces/shop', { ...namespace('shop'), ...named(patch) });
    expect(status).toBe(200);
    await write(kube, account('shop', 'written-after'));
    await followed.settled();
    expect(followed.contents()?.objects.find(({ id }) => id === 'Namespace//shop')).toBe(before);
    expect(followed.tellings()).toBeGreaterThan(spoken);
  });

  const faults: readonly (readonly [string, Fault])[] = [
    ['FLT-18: connections that are cut', { kind: 'cut' }],
    ['FLT-18: half a JSON', { kind: 'half', bytes: 120 }],
    ['FLT-18: a revision that is gone', { kind: 'status', status: 410 }],
    ['FLT-17: a failing API server', { kind: 'status', status: 500 }],
    ['FLT-20: too many requests', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['FLT-20: a server that is not available', { kind: 'status', status: 503 }],
    ['FLT-20: answers that come late', { kind: 'late', byMs: 400 }],
    ['FLT-17: rights that were lost', { kind: 'status', status: 403 }],
    ['FLT-21: definitions that are gone', { kind: 'status', status: 404 }],
    ['FLT-18: bytes that come one by one', { kind: 'slow', pieceBytes: 400 }],
    ['FLT-18: answers that begin and never go on', { kind: 'silent' }],
    ['FLT-18: lists of the past', { kind: 'past' }],
  ];

  test.each(faults)('%s: nothing is lost and nothing invented', async (name, fault) => {
    const label = name
      .replaceAll(/[^a-z]/gi, '')
      .toLowerCase()
      .slice(0, 30);
    const kept = [...followed.held().keys()];
    const goes = account('shop', `goes-${label}`);
    await write(kube, goes);
    await followed.settled();
    const from = followed.proxy.asked.length;
    // A past that is told twice is believed, since a restored etcd tells it so: each kind hears of it once.
    const told = new Set<string>();
    followed.proxy.spoil = ({ path }) => {
      const [kind = ''] = path.split('?');
      if (fault.kind === 'past' && told.has(kind)) return undefined;
      told.add(kind);
      return fault;
    };
    followed.proxy.cutAll();
    await write(kube, account('shop', `comes-${label}`));
    await remove(kube, goes);
    // Each of the 14 kinds has met it once, and some twice.
    await followed.until(() => followed.proxy.asked.length >= from + 20);
    expect([...followed.held().keys()]).toEqual(expect.arrayContaining(kept));
    followed.proxy.spoil = () => undefined;
    await followed.settled();
    await followed.until(() => followed.problems().length === 0);
  });

  test('FLT-17: while the API server is away everything stays, and a person is told', async () => {
    const before = followed.held();
    followed.proxy.spoil = () => ({ kind: 'cut' });
    followed.proxy.cutAll();
    await followed.until(() => followed.problems().length === resources.length);
    expect(followed.held()).toEqual(before);
    expect(followed.problems()[0]).toMatchObject({
      code: 'cluster-unreadable',
      message: expect.stringContaining('what was read of them before stays in force'),
    });
    followed.proxy.spoil = () => undefined;
    await followed.settled();
    await followed.until(() => followed.problems().length === 0);
  });

  test('FLT-18: lists that stay empty are held by the loss guard', async () => {
    await write(kube, ...Array.from({ length: 40 }, (_, index) => account('shop', `many-${index}`)));
    await followed.settled();
    const guard = new LossGuard();
    const before = guard.take(followed.contents()?.objects ?? []).map(({ id }) => id);
    followed.proxy.spoil = ({ isWatch }) => (isWatch ? { kind: 'status', status: 410 } : { kind: 'empty' });
    followed.proxy.cutAll();
    await followed.until(() => followed.held().size === 0);
    const inForce = guard.take(followed.contents()?.objects ?? []).map(({ id }) => id);
    expect(new Set(inForce)).toEqual(new Set(before.filter((id) => !id.startsWith('Grant/'))));
    expect(guard.problems()).toMatchObject([{ code: 'loss-held' }]);
    followed.proxy.spoil = () => undefined;
    await followed.settled();
    guard.take(followed.contents()?.objects ?? []);
    expect(guard.problems()).toEqual([]);
  });

  test('FLT-18: a relist that is empty once is not believed', async () => {
    const lied = new Set<string>();
    let [fewest, tellings] = [followed.held().size, followed.tellings()];
    followed.proxy.spoil = ({ path, isWatch }) => {
      if (isWatch && !lied.has(path.replace(/\?.*/, ''))) return { kind: 'status', status: 410 };
      if (isWatch || lied.has(path.replace(/\?.*/, '')) || /[?&]limit=1(&|$)/.test(path)) return undefined;
      lied.add(path.replace(/\?.*/, ''));
      return { kind: 'empty' };
    };
    let cutAtMs = 0;
    await followed.until(() => {
      // Again now and then: a watch that was just being opened is not cut, and stands while its kind is written to.
      if (performance.now() - cutAtMs > 3_000) {
        followed.proxy.cutAll();
        cutAtMs = performance.now();
      }
      if (followed.tellings() !== tellings) fewest = Math.min(fewest, followed.held().size);
      tellings = followed.tellings();
      return lied.size === everyKindThere;
    });
    await followed.settled();
    expect(fewest).toBe(followed.held().size);
    followed.proxy.spoil = () => undefined;
  });

  test('FLT-21: objects of 1 MiB, more than fit into a page, are read in smaller pages and not kept', async () => {
    const large = Array.from({ length: 40 }, (_, index) => pod('shop', `large-${index}`, 1_024 * 1_024));
    await write(kube, ...large);
    followed.proxy.spoil = ({ isWatch }) => (isWatch ? { kind: 'status', status: 410 } : undefined);
    const from = followed.proxy.asked.length;
    followed.proxy.cutAll();
    const halved = () => followed.proxy.asked.slice(from).some(({ path }) => /^\/api\/v1\/pods\?limit=32\b/.test(path));
    await followed.until(halved);
    followed.proxy.spoil = () => undefined;
    await followed.settled();
    const held = followed.contents()?.objects.filter(({ id }) => id.startsWith('Pod/shop/large-')) ?? [];
    expect(held).toHaveLength(40);
    expect(JSON.stringify(held).length).toBeLessThan(40 * 1_024);
    for (const each of large) await remove(kube, each);
    await followed.settled();
  });

  test('FLT-21: in a flood of objects the newest state is told, and not oftener than the bound', async () => {
    const [beganAtMs, tellings] = [performance.now(), followed.tellings()];
    // At more than 5,000 a minute.
    await write(kube, ...Array.from({ length: 1_000 }, (_, index) => account('pay', `flood-${index}`)));
    const perMinute = 60_000 / ((performance.now() - beganAtMs) / 1_000);
    expect(perMinute).toBeGreaterThan(5_000);
    await followed.settled();
    const tookMs = performance.now() - beganAtMs;
    expect(followed.tellings() - tellings).toBeLessThanOrEqual(tookMs / watchClusterDefaults.gapMs + 2);
  });

  test('names that are levers of a program are names', async () => {
    const names = [
      'constructor',
      'prototype',
      'tostring',
      'hasownproperty',
      'a.b.c',
      `${'x'.repeat(63)}.${'y'.repeat(189)}`,
    ];
    await write(kube, namespace('constructor'), namespace('prototype'), tenant('constructor'));
    await write(kube, ...names.map((name) => account('constructor', name)));
    await followed.settled();
    expect([...followed.held().keys()]).toEqual(
      expect.arrayContaining(names.map((name) => `ServiceAccount/constructor/${name}`)),
    );
  });

  test('FLT-17: rights that are withdrawn and given back are told, and take nothing away', async () => {
    const token = await tokenWithRights(kube);
    const mine = await followCluster(cluster, token);
    try {
      await mine.settled();
      const before = mine.held();
      await remove(kube, binding);
      mine.proxy.cutAll();
      await mine.until(() => mine.problems().length === resources.length);
      expect(mine.held()).toEqual(before);
      const [first] = mine.problems();
      expect(first?.message).toContain('the API server answered 403');
      expect(first?.advice).toMatch(/the verbs `list` and `watch` on `meshes\.coffre\.dev`$/);
      await write(kube, binding, account('shop', 'while-blind'));
      await mine.settled();
      await mine.until(() => mine.problems().length === 0);
    } finally {
      await mine.close();
    }
  });

  test('FLT-18: an etcd that was restored from an older copy is followed back', async () => {
    const copy = join(cluster.folder, 'etcd-copy');
    await cluster.restart(() => cp(join(cluster.folder, 'etcd'), copy, { recursive: true }));
    await followed.settled();
    await remove(kube, account('shop', 'cart'));
    await write(kube, ...Array.from({ length: 30 }, (_, index) => account('shop', `never-${index}`)));
    await followed.settled();
    await cluster.restart(async () => {
      await rm(join(cluster.folder, 'etcd'), { recursive: true });
      await rename(copy, join(cluster.folder, 'etcd'));
    });
    await followed.settled();
    expect([...followed.held().keys()].filter((id) => /never-|\/cart$/.test(id))).toEqual(['ServiceAccount/shop/cart']);
    // And it is followed on from there.
    await write(kube, account('shop', 'after-the-restore'));
    await followed.settled();
  });
});

const binding = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'informer' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'informer' },
  subjects: [{ kind: 'ServiceAccount', namespace: 'pay', name: 'informer' }],
};

/** Of a service account that may do what the control plane needs, and no more. */
async function tokenWithRights(kube: Kube): Promise<string> {
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'informer' },
    rules: informRules,
  };
  await write(kube, account('pay', 'informer'), role, binding);
  const path = '/api/v1/namespaces/pay/serviceaccounts/informer/token';
  const { body } = await kube.request('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  });
  return String(Reflect.get(Object(Reflect.get(Object(body), 'status')), 'token'));
}

function named({ metadata }: { readonly metadata: object }): object {
  return { metadata: { name: 'shop', ...metadata } };
}
