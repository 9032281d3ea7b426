/** The kubelet of the tests itself: what the proofs that stand on it take for granted. */
import { expect, test, vi } from 'vitest';
import { whereWholeCluster } from './whole-cluster-test.ts';

whereWholeCluster('the kubelet of the tests', (within) => {
  const labels = { app: 'web' };
  const web = {
    name: 'web',
    image: 'registry.example/lab-app:1',
    args: ['--service', '$(POD_NAME)', '--listen', 'http:8080'],
    env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    readinessProbe: { httpGet: { path: '/', port: 8_080 }, periodSeconds: 1 },
    securityContext: { readOnlyRootFilesystem: true, runAsUser: 1_234 },
  };
  const execIn = async (pod: string, ...argv: readonly string[]) =>
    (await within.cluster().kubelet().container(`default/${pod}`, 'web').exec(argv)).stdout;

  test("pods of a StatefulSet run, and a service's address leads to each of them", async () => {
    await within.apply(
      {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'web', namespace: 'default' },
        spec: {
          replicas: 2,
          podManagementPolicy: 'Parallel',
          serviceName: 'webs',
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [web] } },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web', namespace: 'default' },
        spec: { selector: labels, ports: [{ port: 80, targetPort: 8_080 }] },
      },
    );
    await vi.waitFor(() => within.untilReady('default/web-0', 'default/web-1'), { timeout: 30_000 });
    const answered = new Set<string>();
    await vi.waitFor(
      async () => {
        const body = await execIn('web-0', 'curl', '-s', '-m', '2', 'http://web.default.svc/');
        answered.add(/"service":"(.*?)"/.exec(body)?.[1] ?? 'nobody');
        expect([...answered]).toEqual(expect.arrayContaining(['web-0', 'web-1']));
      },
      { timeout: 30_000, interval: 20 },
    );
  });

  test('a container has the user, the files and the rights of its spec, and reaches the API server by its own token', async () => {
    expect(await execIn('web-0', 'id', '-u')).toBe('1234\n');
    expect(await execIn('web-0', 'sh', '-c', 'touch /file 2>&1')).toContain('Read-only');
    expect(await execIn('web-0', 'grep', 'CapBnd', '/proc/self/status')).toContain('0000000000000000');
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    const asked = `curl -s --cacert ${account}/ca.crt -H "authorization: Bearer $(cat ${account}/token)"`;
    const url = 'https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces';
    expect(await execIn('web-0', 'sh', '-c', `${asked} ${url}`)).toContain(
      String.raw`User \"system:serviceaccount:default:default\" cannot list`,
    );
  });

  test('what was killed runs again, and what is deleted is gone', async () => {
    const restarts = () =>
      within.kubectl(['get', 'pod', 'web-0', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}']);
    const { pid } = within.cluster().kubelet().container('default/web-0', 'web');
    within.cluster().kubelet().kill('default/web-0');
    await vi.waitFor(async () => expect(await restarts()).toBe('1'), { timeout: 30_000 });
    await within.untilReady('default/web-0');
    expect(within.cluster().kubelet().container('default/web-0', 'web').pid).not.toBe(pid);
    await within.kubectl(['delete', 'statefulset', 'web']);
    await vi.waitFor(async () => expect(await within.kubectl(['get', 'pods', '-o', 'name'])).toBe(''), {
      timeout: 60_000,
    });
    expect(() => within.cluster().kubelet().container('default/web-0', 'web')).toThrow('no pod `default/web-0` runs');
  });
});
