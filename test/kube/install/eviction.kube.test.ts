/** Nodes that are emptied by way of the API server: what the budget of an installation lets go, and what it keeps. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startControllers } from '../harness/start-controllers.ts';
import { whereOwnCluster } from './own-cluster.ts';

/** Longest wait until a controller has counted, in ms. */
const longMs = 60_000;
const inSystem = '/api/v1/namespaces/coffre-system/pods';
const names = ['coffre-0', 'coffre-1'] as const;

whereOwnCluster('a budget', ({ kube, coffre }) => {
  let stop: () => Promise<void> = async () => {};

  beforeAll(async () => {
    stop = await startControllers(kube(), ['statefulset-controller', 'disruption-controller']);
    // No Mesh is there yet, which is told, and nobody is waited for.
    await coffre(['install', '--timeout', '0']);
    await kube().kubectl(['delete', 'validatingwebhookconfiguration,mutatingwebhookconfiguration', 'coffre']);
  });
  afterAll(() => stop());

  /** As the kubelet of its node would. */
  async function says(name: string, ready: 'True' | 'False'): Promise<void> {
    const path = `${inSystem}/${name}`;
    await expect.poll(async () => (await kube().request('GET', path)).status, { timeout: longMs }).toBe(200);
    const { body } = await kube().request('GET', path);
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] };
    expect(await kube().request('PUT', `${path}/status`, { ...(body as object), status })).toMatchObject({
      status: 200,
    });
  }

  /** As `kubectl drain` asks for. */
  async function evict(name: string): Promise<readonly [number, string]> {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'coffre-system' } };
    const { status, body } = await kube().request('POST', `${inSystem}/${name}/eviction`, eviction);
    return [status, JSON.stringify(body)];
  }

  async function disruptionsAllowed(): Promise<number> {
    const path = '/apis/policy/v1/namespaces/coffre-system/poddisruptionbudgets/coffre';
    const { body } = await kube().request('GET', path);
    return (body as { status?: { disruptionsAllowed?: number } }).status?.disruptionsAllowed ?? -1;
  }

  test('the second of two replicas is not evicted while the first is not ready, and is once it is', async () => {
    // One after the other: the second is made once the first is ready.
    for (const name of names) await says(name, 'True');
    await expect.poll(disruptionsAllowed, { timeout: longMs }).toBe(1);
    await says('coffre-0', 'False');
    await expect.poll(disruptionsAllowed, { timeout: longMs }).toBe(0);
    const [status, said] = await evict('coffre-1');
    expect([status, said]).toEqual([429, expect.stringContaining('The disruption budget coffre needs 1 healthy pods')]);
    await says('coffre-0', 'True');
    await expect.poll(disruptionsAllowed, { timeout: longMs }).toBe(1);
    expect((await evict('coffre-1'))[0]).toBe(201);
  });
});
