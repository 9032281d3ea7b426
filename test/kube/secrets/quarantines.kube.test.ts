/** Quarantines of replicas that share Secrets, against a real API server. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { QuarantineKeeper } from '../../../src/controller/quarantine-keeper.io.ts';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import { type KubeClient, openKubeClient } from '../../../src/kube/kube-client.ts';
import { StateSecrets } from '../../../src/kube/secrets/state-secrets.ts';
import type { Quarantine } from '../../../src/model/quarantine.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';

const secretPath = `/api/v1/namespaces/${systemNamespace}/secrets/coffre-state.quarantines`;
/** Longest wait for what a watch brings, in ms, on a busy machine. */
const broughtMaxMs = 20_000;
const startMs = 60_000;

whereKube('quarantines in secrets', () => {
  let kube: Kube;
  let client: KubeClient;
  const opened: StateSecrets[] = [];

  beforeAll(async () => {
    const cluster = await startKube();
    kube = connectKube(cluster);
    client = openKubeClient({ kind: 'kubeconfig', file: await kube.adminKubeconfig() });
    await kube.request('POST', '/api/v1/namespaces', { metadata: { name: systemNamespace } });
    return async () => {
      await client.close();
      await kube.close();
      await cluster.stop();
    };
  }, startMs);
  afterEach(async () => {
    for (const each of opened.splice(0)) each.close();
    await kube.request('DELETE', secretPath);
  });

  async function start(): Promise<QuarantineKeeper> {
    let keeper: QuarantineKeeper | undefined;
    const state = await StateSecrets.open({
      ...{ client, keyFile: undefined, entropy: systemPorts.entropy, troubled: () => undefined },
      changed: () => void keeper?.refresh(),
      signal: new AbortController().signal,
    });
    opened.push(state);
    const ports = { changed: () => undefined, ended: () => undefined, unwritten: () => undefined };
    keeper = await QuarantineKeeper.open({ ...ports, state, nowMs: Date.now });
    return keeper;
  }

  function quarantine(name: string): Quarantine {
    const sinceMs = Date.now();
    const spiffeId = `spiffe://mesh.example/ns/shop/sa/${name}`;
    return { spiffeId, tenant: 'shop', reason: 'r', by: 'ada', sinceMs, untilMs: sinceMs + 3_600_000 };
  }
  const standing = (keeper: QuarantineKeeper) =>
    keeper
      .standing()
      .map(({ spiffeId }) => spiffeId.slice(spiffeId.lastIndexOf('/') + 1))
      .toSorted();

  test('one that is placed at any replica stands at all, and is released at any', async () => {
    const [one, other] = [await start(), await start()];
    await one.begin(quarantine('cart'));
    await expect.poll(() => standing(other), { timeout: broughtMaxMs, interval: 10 }).toEqual(['cart']);
    expect(await other.release(quarantine('cart').spiffeId)).toMatchObject({ kind: 'released' });
    await expect.poll(() => standing(one), { timeout: broughtMaxMs, interval: 10 }).toEqual([]);
  });

  test('those that are placed in the same moment at two replicas stand at both, and after both have ended', async () => {
    const keepers = [await start(), await start()];
    const names = Array.from({ length: 8 }, (_, index) => `sa-${index}`);
    await Promise.all(names.map((name, index) => keepers[index % 2]?.begin(quarantine(name))));
    for (const keeper of keepers) {
      await expect.poll(() => standing(keeper), { timeout: broughtMaxMs }).toEqual(names);
    }
    for (const each of opened.splice(0)) each.close();
    expect(standing(await start())).toEqual(names);
  });

  test('the deletion of their Secret ends none: it is written back', async () => {
    const [one, other] = [await start(), await start()];
    await one.begin(quarantine('cart'));
    await expect.poll(() => standing(other), { timeout: broughtMaxMs }).toEqual(['cart']);
    expect((await kube.request('DELETE', secretPath)).status).toBe(200);
    await expect.poll(async () => (await kube.request('GET', secretPath)).status, { timeout: broughtMaxMs }).toBe(200);
    expect([one, other].map(standing)).toEqual([['cart'], ['cart']]);
    expect(standing(await start())).toEqual(['cart']);
  });
});
