/** The writer against a real API server: what our definitions refuse, what rights it needs, what other writers do to it. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KubeClient } from '../../../src/kube/kube-client.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import { KubeObjects } from '../../../src/kube/objects.ts';
import { condition } from '../../../src/kube/status/condition.ts';
import { statusRules } from '../../../src/kube/status/status-rules.ts';
import { type StatusEvent, StatusWriter } from '../../../src/kube/status/status-writer.ts';
import { type Wish, wishFor } from '../../../src/kube/status/wish.ts';
import { readObject } from '../../../src/model/read-object.ts';
import { drillClock } from '../../../src/system-clock.ts';
import { startFaultyProxy } from '../faulty-proxy.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { grant, namespace, write } from '../inform/cluster-objects.ts';
import { gatewayDefinition, installGateway } from './gateway-definitions.ts';

/** With or without a query. */
function isOfStatus(path: string): boolean {
  return path.includes('/status');
}

// A cluster of its own: it teaches the API server kinds.
whereKube('a status', () => {
  let cluster: RunningCluster;
  let kube: Kube;
  const closers: (() => unknown)[] = [];

  beforeAll(async () => {
    cluster = await startKube();
    kube = connectKube(cluster);
    await installDefinitions(kube);
    await installGateway(kube, gatewayDefinition('HTTPRoute', 'httproutes', 'v1'));
    await write(kube, namespace('shop'));
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  interface Writing {
    readonly writer: StatusWriter;
    readonly events: StatusEvent[];
    readonly client: KubeClient;
  }

  /** @param kubeconfig as whom, the admin by default. */
  async function writing(term: number, kubeconfig?: string): Promise<Writing> {
    const client = openKubeClient({ kind: 'kubeconfig', file: kubeconfig ?? (await kube.adminKubeconfig()) });
    const stop = new AbortController();
    const events: StatusEvent[] = [];
    const writer = new StatusWriter({
      leadership: { term: () => term, onChange: () => () => undefined },
      objects: new KubeObjects(client, stop.signal),
      ...{ clock: drillClock, random: Math.random, report: (event) => void events.push(event) },
    });
    closers.push(
      () => client.close(),
      () => stop.abort(),
      () => writer.close(),
    );
    return { writer, events, client };
  }

  const grantPath = (name: string) => `/apis/coffre.dev/v1alpha1/namespaces/shop/grants/${name}`;

  async function newGrant(): Promise<string> {
    const name = `g-${randomUUID().slice(0, 8)}`;
    await write(kube, grant('shop', name, 'billing'));
    return name;
  }

  async function wishOf(name: string, message: string, status: 'True' | 'False' = 'True'): Promise<Wish> {
    const { body } = await kube.request('GET', grantPath(name));
    const read = readObject(body, { file: 'a', line: 1 });
    if (read.kind !== 'object') throw new Error(`no object: ${JSON.stringify(body)}`);
    return { object: read.object, problems: [], conditions: [condition('Programmed', status, 'Reason', message)] };
  }

  const wishes = (...all: readonly Wish[]) => new Map(all.map((wish) => [wish.object.id, wish]));

  /** Messages of the conditions, and the term. */
  async function told(name: string): Promise<string> {
    const { body } = await kube.request('GET', grantPath(name));
    const { status } = body as { status?: { term?: number; conditions?: { message: string }[] } };
    return `${status?.conditions?.map(({ message }) => message).join()} ${status?.term}`;
  }

  const polled = (name: string) => expect.poll(() => told(name), { timeout: 20_000 });

  test('it is written over the version that was read, and `kubectl wait` hears it', async () => {
    const name = await newGrant();
    const { writer } = await writing(3);
    writer.wish(wishes(await wishOf(name, '2 of 2 proxies')));
    const wait = ['wait', '-n', 'shop', '--for=condition=Programmed', `grant.coffre.dev/${name}`, '--timeout=20s'];
    expect((await kube.kubectl(wait)).stdout).toContain('condition met');
    expect(await told(name)).toBe('2 of 2 proxies 3');
  });

  test('FLT-34: an earlier term’s write is refused by the API server itself, and a later one’s is taken', async () => {
    const name = await newGrant();
    const [now, former, later] = [await writing(5), await writing(4), await writing(6)];
    now.writer.wish(wishes(await wishOf(name, 'of the present leader')));
    await polled(name).toBe('of the present leader 5');
    former.writer.wish(wishes(await wishOf(name, 'of a former leader', 'False')));
    await expect.poll(() => former.events.length, { timeout: 20_000 }).toBe(1);
    expect(former.events).toMatchObject([
      { kind: 'refused', message: expect.stringContaining('a later leader has written this status') },
    ]);
    expect(await told(name)).toBe('of the present leader 5');
    later.writer.wish(wishes(await wishOf(name, 'of the next leader')));
    await polled(name).toBe('of the next leader 6');
  });

  test('FLT-34: no status loses its term, whoever writes it', async () => {
    const name = await newGrant();
    const { writer } = await writing(5);
    writer.wish(wishes(await wishOf(name, 'fine')));
    await polled(name).toBe('fine 5');
    const patch = ['patch', 'grants.coffre.dev', name, '-n', 'shop', '--subresource=status', '--type=merge'];
    const said = await kube.kubectl([...patch, '--patch={"status":{"term":null}}']);
    expect(said.stderr).toContain('a later leader has written this status');
  });

  describe('faults on the way', () => {
    test('FLT-20: a storm of conflicts is no hot loop, and ends in the newest wish', async () => {
      const name = await newGrant();
      const proxy = await startFaultyProxy(cluster);
      closers.push(() => proxy.close());
      proxy.spoil = ({ path }) => (isOfStatus(path) ? { kind: 'status', status: 409 } : undefined);
      const { writer, events } = await writing(1, proxy.kubeconfig);
      writer.wish(wishes(await wishOf(name, 'first')));
      await expect.poll(() => proxy.asked.length, { timeout: 20_000 }).toBeGreaterThan(6);
      // Three rounds of a read and a write took three waits: 100 ms to 200 ms, then twice, then four times as long.
      const rounds = proxy.asked.filter(({ path }) => isOfStatus(path)).length;
      expect(rounds).toBeLessThan(6);
      proxy.spoil = () => undefined;
      writer.wish(wishes(await wishOf(name, 'newest', 'False')));
      await polled(name).toBe('newest 1');
      // A round that was under way may have written the former wish first.
      expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['written']));
    });

    test('an answer that is lost is asked for again, and what it had written is not written twice', async () => {
      const name = await newGrant();
      const proxy = await startFaultyProxy(cluster);
      closers.push(() => proxy.close());
      let cuts = 2;
      proxy.spoil = ({ path }) => {
        if (!isOfStatus(path) || cuts === 0) return undefined;
        cuts -= 1;
        return { kind: 'half', bytes: 20 };
      };
      const { writer, events } = await writing(1, proxy.kubeconfig);
      writer.wish(wishes(await wishOf(name, 'fine')));
      await polled(name).toBe('fine 1');
      await expect.poll(() => events.map(({ kind }) => kind), { timeout: 20_000 }).toContain('unanswered');
      const { body } = await kube.request('GET', grantPath(name));
      const { resourceVersion } = (body as { metadata: { resourceVersion: string } }).metadata;
      writer.wish(wishes({ ...(await wishOf(name, 'fine')) }));
      const asked = proxy.asked.length;
      await expect.poll(() => proxy.asked.length, { timeout: 20_000 }).toBeGreaterThan(asked);
      const after = await kube.request('GET', grantPath(name));
      expect((after.body as { metadata: { resourceVersion: string } }).metadata.resourceVersion).toBe(resourceVersion);
    });

    test('an object that is deleted midway is let go of, and its name’s next bearer is spoken of', async () => {
      const name = await newGrant();
      const { writer, events } = await writing(1);
      const wish = await wishOf(name, 'fine');
      await kube.request('DELETE', grantPath(name));
      writer.wish(wishes(wish));
      const other = await newGrant();
      writer.wish(wishes(wish, await wishOf(other, 'fine')));
      await polled(other).toBe('fine 1');
      expect(events).toEqual([{ kind: 'written', id: `Grant/shop/${other}` }]);
      await write(kube, grant('shop', name, 'billing'));
      writer.wish(wishes(await wishOf(name, 'fine'), await wishOf(other, 'fine')));
      await polled(name).toBe('fine 1');
    });
  });

  test('FLT-17: what is wished while the API server is down is written when it is back, the newest of it', async () => {
    const names = await Promise.all(Array.from({ length: 5 }, newGrant));
    const { writer, events } = await writing(1);
    const firsts = await Promise.all(names.map((name) => wishOf(name, 'before')));
    writer.wish(wishes(...firsts));
    for (const name of names) await polled(name).toBe('before 1');
    const said = (message: string) =>
      wishes(...firsts.map((each) => ({ ...each, conditions: [condition('Programmed', 'False', 'Reason', message)] })));
    await cluster.restart(async () => {
      writer.wish(said('meanwhile'));
      await expect.poll(() => events.map(({ kind }) => kind), { timeout: 20_000 }).toContain('unanswered');
      writer.wish(said('newest'));
    });
    for (const name of names) await expect.poll(() => told(name), { timeout: 60_000 }).toBe('newest 1');
    expect(events.filter(({ kind }) => kind === 'unanswered')).toHaveLength(1);
    expect(events.filter(({ kind }) => kind === 'written')).toHaveLength(10);
  });

  test('the rights that it names are enough, and without them it says so and waits', async () => {
    const user = await kube.newUser(`status-${randomUUID().slice(0, 8)}`);
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: user.name },
    };
    const bind = () =>
      write(kube, {
        ...binding,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user.name },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user.name }],
      });
    await write(kube, { ...binding, kind: 'ClusterRole', rules: statusRules });
    await bind();
    const name = await newGrant();
    const { writer, events } = await writing(1, user.kubeconfig);
    writer.wish(wishes(await wishOf(name, 'with rights')));
    await polled(name).toBe('with rights 1');
    await kube.request('DELETE', `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${user.name}`);
    writer.wish(wishes(await wishOf(name, 'without', 'False')));
    await expect.poll(() => events.map(({ kind }) => kind), { timeout: 20_000 }).toEqual(['written', 'unanswered']);
    expect(await told(name)).toBe('with rights 1');
    await bind();
    await polled(name).toBe('without 1');
  });

  test('of a route the parents that another controller wrote stay as they are', async () => {
    const path = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/r';
    const parentRefs = [{ group: '', kind: 'Service', name: 'api' }, { name: 'edge' }];
    const route = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'r', namespace: 'shop' },
    };
    const made = await kube.request('POST', path.slice(0, -2), {
      ...{ ...route, spec: { parentRefs, rules: [{ backendRefs: [{ name: 'api', port: 80 }] }] } },
    });
    expect(made.status).toBe(201);
    const others = [{ parentRef: { name: 'edge' }, controllerName: 'example.com/edge', conditions: [] }];
    const { body } = await kube.request('GET', path);
    await kube.request('PUT', `${path}/status`, { ...(body as object), status: { parents: others } });
    const read = readObject((await kube.request('GET', path)).body, { file: 'a', line: 1 });
    if (read.kind !== 'object') throw new Error('no route');
    const { writer } = await writing(1);
    writer.wish(wishes(wishFor({ object: read.object, problems: [], acknowledged: undefined })));
    const parents = async () => {
      const { status } = (await kube.request('GET', path)).body as {
        status: { parents: { controllerName: string }[] };
      };
      return status.parents;
    };
    await expect.poll(async () => (await parents()).length, { timeout: 20_000 }).toBe(2);
    expect(await parents()).toMatchObject([
      ...others,
      {
        parentRef: { group: '', kind: 'Service', name: 'api' },
        controllerName: 'coffre.dev/mesh',
        conditions: [
          { type: 'Accepted', status: 'True', reason: 'Accepted', observedGeneration: 1 },
          { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', observedGeneration: 1 },
        ],
      },
    ]);
  });
});
