/** What the leader wishes for in a cluster, and when: a root that is renewed, nodes that cannot be read, a mesh that is not there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWalls } from '../../../src/compose/open-walls.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import { onlyReplica } from '../../../src/kube/lease/only-replica.ts';
import { KubeObjects } from '../../../src/kube/objects.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { meshFrom } from '../../fixtures/mesh-from.ts';
import { tenant } from '../../fixtures/two-tenants.ts';
import { type FaultyProxy, startFaultyProxy } from '../faulty-proxy.ts';
import { whereKube } from '../harness/kube-test.ts';

/** Longest wait for anything, in ms: nothing here takes seconds but on a loaded machine. */
const untilMaxMs = 60_000;

whereKube('the wishes of a leader', (kube) => {
  let proxy: FaultyProxy;
  let space: string;
  let close: () => Promise<void> = async () => {};
  beforeEach(async () => {
    proxy = await startFaultyProxy(kube);
    space = await kube.newNamespace('walled');
  });
  afterEach(async () => {
    await close();
    await proxy.close();
  });

  function open(first: Snapshot | undefined) {
    const client = openKubeClient({ kind: 'kubeconfig', file: proxy.kubeconfig });
    const stop = new AbortController();
    const host = { snapshot: first, rootPem: 'first root' };
    const walls = openWalls(
      {
        ...{ cluster: client, authority: host, leadership: onlyReplica('one'), problemsChanged: () => undefined },
        snapshot: () => host.snapshot,
      },
      new KubeObjects(client, stop.signal),
    );
    close = async () => {
      stop.abort();
      walls.close();
      await client.close();
    };
    return { host, walls };
  }

  const root = async () => {
    const { body } = await kube.request('GET', `/api/v1/namespaces/${space}/configmaps/coffre-mesh`);
    return (body as { data?: Record<string, string> }).data?.['root.crt'];
  };
  const policies = async () => {
    const { body } = await kube.request('GET', `/apis/networking.k8s.io/v1/namespaces/${space}/networkpolicies`);
    return (body as { items: readonly { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name);
  };

  test('a root that is renewed is in every tenant’s namespace', async () => {
    const { host, walls } = open(meshFrom(tenant(space)));
    walls.lookAgain();
    await until(async () => (await root()) === 'first root');
    host.rootPem = 'first root, and the next';
    walls.lookAgain();
    await until(async () => (await root()) === 'first root, and the next');
  });

  test('while the nodes cannot be read no kubelet is shut out, and the rest goes on', async () => {
    proxy.spoil = ({ path }) => (path.startsWith('/api/v1/nodes') ? { kind: 'status', status: 403 } : undefined);
    const { walls } = open(meshFrom(tenant(space)));
    walls.lookAgain();
    await until(async () => (await root()) === 'first root');
    await until(async () =>
      walls.problems().some(({ message }) => message.includes('objects of kind `Node` cannot be read')),
    );
    expect(await policies()).toEqual([]);
    proxy.spoil = () => undefined;
    await until(async () => (await policies()).includes('coffre-base'));
  });

  test('a cluster that lost its mesh says nothing of its tenants: what stands stays', async () => {
    const { host, walls } = open(meshFrom(tenant(space)));
    walls.lookAgain();
    await until(async () => (await policies()).includes('coffre-base'));
    const lost = meshFrom(tenant(space));
    const problem = {
      code: 'missing-mesh',
      severity: 'error',
      where: lost.mesh.where,
      path: '',
      message: '',
      advice: '',
    } as const;
    host.snapshot = { ...lost, tenants: new Map(), problems: [problem] };
    host.rootPem = 'never written';
    walls.lookAgain();
    const asked = proxy.asked.length;
    await kube.request('DELETE', `/api/v1/namespaces/${space}/configmaps/coffre-mesh`);
    // It is set right by the wish of before, so the keeper has looked again.
    await until(async () => (await root()) === 'first root' && proxy.asked.length > asked);
    expect(await policies()).toEqual(['coffre-base']);
  });
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(untilMaxMs);
  while (!(await isSo())) await sleep(20, undefined, { signal });
}
