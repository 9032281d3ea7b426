/** The harness itself: what it starts is whole, and what it stops is gone. */
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { connectKube } from './harness/kube.ts';
import { whereKube } from './harness/kube-test.ts';
import { startControllers } from './harness/start-controllers.ts';
import { startKube } from './harness/start-kube.ts';

whereKube('a cluster of the tests', (kube) => {
  test('it is the version that is pinned', async () => {
    const { body } = await kube.request('GET', '/version');
    expect(body).toMatchObject({ gitVersion: 'v1.36.3', major: '1', minor: '36' });
  });

  test('with controllers a deleted namespace goes, and without them it stays', async () => {
    const namespace = await kube.newNamespace('leaving');
    const path = `/api/v1/namespaces/${namespace}`;
    await kube.request('DELETE', path);
    expect((await kube.request('GET', path)).body).toMatchObject({ status: { phase: 'Terminating' } });
    const stop = await startControllers(kube);
    const { code, stderr } = await kube.kubectl(['wait', '--for=delete', `namespace/${namespace}`, '--timeout=50s']);
    await stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('one that is stopped leaves neither a listener nor a file', async () => {
    const { stop, ...cluster } = await startKube();
    const other = connectKube(cluster);
    expect((await other.request('GET', '/readyz')).status).toBe(200);
    await stop();
    await expect(other.request('GET', '/readyz')).rejects.toThrow();
    await other.close();
    expect(existsSync(cluster.folder)).toBe(false);
  });
});
