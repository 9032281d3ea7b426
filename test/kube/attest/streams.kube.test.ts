/** Open streams of proxies whose pods change, with the control plane's own doors before a real API server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ProxyServer, serveProxies } from '../../../src/compose/serve-proxies.ts';
import { workerKey } from '../../../src/controller/configure.ts';
import { createGrpcClient } from '../../../src/grpc/grpc-client.ts';
import { tokenHeader } from '../../../src/grpc/peer.ts';
import type { Authority } from '../../../src/identity/authority.ts';
import { buildSnapshot } from '../../../src/model/build-snapshot.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { SnapshotCache } from '../../../src/xds/cache.ts';
import { DeltaClient } from '../../../src/xds/delta-client.io.ts';
import { streamsPerClientMax } from '../../../src/xds/limits.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';
import type { XdsEvent } from '../../../src/xds/xds-event.ts';
import { objectsFrom } from '../../fixtures/mesh-from.ts';
import { serverName, testAuthority } from '../../grpc/authority.ts';
import { snapshotOf } from '../../xds/resources.ts';
import { whereKube } from '../harness/kube-test.ts';
import { namespace as namespaceOf } from '../inform/cluster-objects.ts';
import { type Attesting, type RunningPod, runPod, startAttesting, tokenOf } from './attesting.ts';

whereKube('the streams of proxies', (kube) => {
  const cache = new SnapshotCache();
  const events: XdsEvent[] = [];
  const clients: DeltaClient[] = [];
  let authority: Authority;
  let attesting: Attesting;
  let proxies: ProxyServer;
  let address = '';
  let tenants = '';

  beforeAll(async () => {
    cache.setReady();
    authority = await testAuthority();
    attesting = await startAttesting(kube, { judgeAgain: (keys) => proxies.xds.judgeAgain(keys) });
    proxies = serveProxies({
      ...{ address: '127.0.0.1:0', authority, bearers: attesting.attest.bearers, snapshots: cache },
      snapshot: () => buildSnapshot([...objectsFrom(tenants), ...attesting.objects()]),
      observe: (event) => events.push(event),
    });
    const bound = await proxies.server.bind();
    if (bound.kind !== 'bound') throw new Error(bound.message);
    address = bound.address;
  });
  afterAll(async () => {
    for (const client of clients) client.stop();
    await proxies.server.close(0);
    await attesting.close();
  });

  /** A pod as it runs, with a stream of its proxy. */
  async function connected(name?: string) {
    const namespace = await kube.newNamespace('streams');
    tenants += `\n---\n${JSON.stringify({ apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', metadata: { name: namespace }, spec: { environment: 'prod' } })}`;
    const pod = await placed(await runPod(kube, namespace, name === undefined ? {} : { name }));
    await connect(pod, await tokenOf(kube, pod));
    await expect.poll(() => opened(pod)).toBe(1);
    return pod;
  }

  async function placed(pod: RunningPod): Promise<RunningPod> {
    const status = { podIP: '10.9.0.1', podIPs: [{ ip: '10.9.0.1' }] };
    const patch = JSON.stringify({ status });
    await kube.kubectl([
      'patch',
      'pod',
      pod.name,
      '-n',
      pod.namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    ]);
    await attesting.sees(`${pod.namespace}/${pod.name}`, (text) => text.includes(pod.uid) && text.includes('10.9.0.1'));
    cache.set(`${pod.namespace}/${pod.name}`, snapshotOf({ cluster: { c: '1' } }));
    return pod;
  }

  async function connect({ namespace, name }: Pick<RunningPod, 'namespace' | 'name'>, token: string): Promise<void> {
    const client = new DeltaClient({
      node: { id: `${namespace}/${name}`, cluster: namespace },
      async connect() {
        const options = { address, serverName, serverCaPem: authority.rootPem };
        return { client: createGrpcClient(options), metadata: new Map([[tokenHeader, token]]) };
      },
      subscriptions: [{ typeUrl: typeUrls.cluster, initialVersions: () => ({}), take: () => ({ kind: 'ack' }) }],
      clock: systemClock,
      random: Math.random,
      observe: () => undefined,
    });
    clients.push(client);
    client.start();
  }

  const keyOf = ({ namespace, name }: Pick<RunningPod, 'namespace' | 'name'>) => `${namespace}/${name}`;
  const opened = (pod: Pick<RunningPod, 'namespace' | 'name'>) =>
    events.filter((event) => event.kind === 'stream-opened' && event.key === keyOf(pod)).length;
  const ends = (pod: RunningPod) =>
    events.flatMap((event) => (event.kind === 'stream-closed' && event.key === keyOf(pod) ? [event.reason] : []));

  test('SEC-37 the stream of a deleted pod ends at once, and its token opens no other', async () => {
    const [pod, neighbour] = [await connected(), await connected()];
    await kube.kubectl(['delete', 'pod', pod.name, '-n', pod.namespace, '--grace-period=0', '--force']);
    // Well before it would be judged in turn.
    await expect
      .poll(() => ends(pod), { timeout: 5_000 })
      .toEqual(['token refused: its pod is not there, or not any more']);
    await expect
      .poll(() => events.some((event) => event.kind === 'refused' && event.reason.includes('not there')), {
        timeout: 5_000,
      })
      .toBe(true);
    expect([opened(pod), ends(neighbour)]).toEqual([1, []]);
  });

  test('SEC-38 the stream of a pod ends when another one of its name takes its place', async () => {
    const pod = await connected('db-0');
    await kube.kubectl(['delete', 'pod', pod.name, '-n', pod.namespace, '--grace-period=0', '--force']);
    const next = await placed(await runPod(kube, pod.namespace, { name: 'db-0' }));
    await expect.poll(() => ends(pod), { timeout: 5_000 }).toHaveLength(1);
    await connect(next, await tokenOf(kube, next));
    await expect.poll(() => opened(next), { timeout: 5_000 }).toBe(2);
    expect(ends(next)).toHaveLength(1);
  });

  test('SEC-38 a proxy that claims to be another pod is refused, whatever its own token is worth', async () => {
    const [pod, victim] = [await connected(), await connected()];
    await connect(victim, await tokenOf(kube, pod));
    const claim = expect.stringContaining(`the token is of \`${keyOf(pod)}\` and the node claims \`${keyOf(victim)}\``);
    await expect
      .poll(() => events, { timeout: 5_000 })
      .toContainEqual(expect.objectContaining({ kind: 'refused', status: 'PERMISSION_DENIED', reason: claim }));
    expect(opened(victim)).toBe(1);
  });

  test('however many authorization workers there are, each has its stream by its own pod, until that goes', async () => {
    await kube.request('POST', '/api/v1/namespaces', namespaceOf(systemNamespace));
    const worker = { namespace: systemNamespace, name: 'authz' };
    cache.set(workerKey, snapshotOf({ cluster: { c: '1' } }));
    const account = { isInjected: false, serviceAccount: 'coffre-authz' };
    const pods = await Promise.all(
      Array.from({ length: streamsPerClientMax + 1 }, () => runPod(kube, systemNamespace, account)),
    );
    for (const pod of pods) {
      await attesting.sees(keyOf(pod), (text) => text.includes(pod.uid));
      await connect(worker, await tokenOf(kube, pod, account));
    }
    await expect.poll(() => opened(worker), { timeout: 10_000 }).toBe(pods.length);
    const { name = '' } = pods[0] ?? {};
    await kube.kubectl(['delete', 'pod', name, '-n', systemNamespace, '--grace-period=0', '--force']);
    await expect
      .poll(
        () =>
          events.flatMap((event) => (event.kind === 'stream-closed' && event.key === workerKey ? [event.reason] : [])),
        {
          timeout: 5_000,
        },
      )
      .toEqual(['token refused: its pod is not there, or not any more']);
  });
});
