/** The storage of a real cluster, followed: what the door knows of it, through faults too. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { informTimings } from '../../../src/kube/inform/timings.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import { VolumeWatch } from '../../../src/kube/volumes/watch-volumes.ts';
import { type FaultyProxy, startFaultyProxy } from '../faulty-proxy.ts';
import { whereKube } from '../harness/kube-test.ts';
import { attachment, claim, csi, pathOf, pod, volume } from './storage.ts';
import { must } from './wall-of-tests.ts';
import { consentsOf, grant } from './worlds.ts';

/** Longest wait for anything, in ms: nothing here takes seconds but on a loaded machine. */
const untilMaxMs = 60_000;
const timings = { ...informTimings, backoffMs: 20, backoffMaxMs: 200, answerMaxMs: 3_000 };

whereKube('the storage of a cluster', (kube) => {
  let open: { readonly watch: VolumeWatch; readonly proxy: FaultyProxy; close(): Promise<void> } | undefined;
  afterEach(() => open?.close());

  async function follow(spoil: FaultyProxy['spoil'] = () => undefined) {
    const proxy = await startFaultyProxy(kube);
    proxy.spoil = spoil;
    const client = openKubeClient({ kind: 'kubeconfig', file: proxy.kubeconfig });
    const watch = new VolumeWatch(client, { timings, nowMs: () => performance.now(), random: Math.random }, () => 0);
    const close = async () => {
      watch.close();
      await client.close();
      await proxy.close();
    };
    open = { watch, proxy, close };
    return open;
  }

  test('nothing is known until every kind was whole, for a wall with a hole is no wall', async () => {
    const { watch, proxy } = await follow(({ path }) =>
      path.includes('persistentvolumeclaims') ? { kind: 'status', status: 403 } : undefined,
    );
    await until(() => watch.problems().length > 0);
    expect(watch.index()).toBeUndefined();
    expect(watch.problems().map(({ message }) => message)).toEqual([
      expect.stringContaining('objects of kind `PersistentVolumeClaim` cannot be read'),
    ]);
    proxy.spoil = () => undefined;
    await until(() => watch.index() !== undefined);
    await until(() => watch.problems().length === 0);
  });

  test('a cluster without the kinds of snapshots has none of them, and nothing is wrong', async () => {
    const { watch } = await follow();
    await until(() => watch.index() !== undefined);
    expect(watch.index()?.snapshots.size).toBe(0);
    expect(watch.problems()).toEqual([]);
  });

  test('what is written is known, and stays known while nobody answers', async () => {
    const { watch, proxy } = await follow();
    const name = `ledger-${randomUUID().slice(0, 8)}`;
    const written = volume(name, 'shop/ledger', csi(name));
    await must(kube, pathOf(written), written);
    await until(() => watch.index()?.volumes.has(name) === true);
    proxy.spoil = () => ({ kind: 'cut' });
    proxy.cutAll();
    await until(() => watch.problems().length > 0);
    expect(watch.index()?.volumes.has(name)).toBe(true);
    proxy.spoil = () => undefined;
    const other = volume(`${name}-2`, 'shop/ledger', csi(`${name}-2`));
    await must(kube, pathOf(other), other);
    await until(() => watch.index()?.volumes.has(`${name}-2`) === true);
    await until(() => watch.problems().length === 0);
  });

  test('what outlived its grant is told with the node that it is attached to, and what a pod names by itself', async () => {
    const { watch } = await follow();
    const tag = randomUUID().slice(0, 8);
    const [first, copy] = [
      volume(`a-${tag}`, 'shop/ledger', csi(`disk-${tag}`)),
      volume(`b-${tag}`, 'billing/copy', csi(`disk-${tag}`)),
    ];
    const space = await kube.newNamespace('mounting');
    for (const each of [
      first,
      copy,
      attachment(`on-${tag}`, `b-${tag}`),
      claim(`${space}/own`, {}),
      pod(`${space}/raw`, { nfs: { server: 'files.example', path: '/' } }),
    ])
      await must(kube, pathOf(each), each);
    await until(() => watch.index()?.volumes.has(`b-${tag}`) === true);
    const granted = consentsOf(grant('shop', 'billing', 'ledger'));
    const told = (consents: typeof granted) => watch.audit(consents).filter(({ where }) => where.file.includes(tag));
    await until(() => watch.audit(consentsOf()).some(({ message }) => message.includes('attached to `node-1`')));
    expect(told(granted)).toEqual([]);
    expect(told(consentsOf())).toMatchObject([
      {
        code: 'volume-wall',
        object: { name: `b-${tag}` },
        message: expect.stringContaining('it is attached to `node-1`'),
      },
    ]);
    const [shop] = granted.tenants.values();
    if (shop === undefined) throw new Error('the world has no tenant');
    const withSpace = { ...granted, tenants: new Map([...granted.tenants, [space, { ...shop, name: space }]]) };
    await until(() => watch.audit(withSpace).some(({ object }) => object?.namespace === space));
    expect(watch.audit(withSpace).filter(({ object }) => object?.namespace === space)).toMatchObject([
      { code: 'volume-wall', object: { kind: 'Pod', name: 'raw' }, path: 'spec.volumes[0].nfs' },
    ]);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(untilMaxMs);
  while (!isSo()) await sleep(20, undefined, { signal });
}
