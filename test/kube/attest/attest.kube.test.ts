/** Who a proxy is, by the word of a real API server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workerKey } from '../../../src/controller/configure.ts';
import type { BearerVerdict } from '../../../src/identity/bearer-verdict.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { startFaultyProxy } from '../faulty-proxy.ts';
import { whereKube } from '../harness/kube-test.ts';
import { namespace as namespaceOf } from '../inform/cluster-objects.ts';
import { type Attesting, runPod, startAttesting, tokenOf } from './attesting.ts';

const address = '10.0.0.7:40000';

whereKube('the attestation of proxies', (kube) => {
  let attesting: Attesting;
  const judge = (token: string): Promise<BearerVerdict> => attesting.attest.bearers.judgeBearer(token, address);
  const refused = (reason: RegExp) => ({ kind: 'refused', reason: expect.stringMatching(reason) });
  const isThere = (text: string) => text !== '"absent"';

  beforeAll(async () => {
    attesting = await startAttesting(kube);
  });
  afterAll(() => attesting.close());

  async function running(
    ...[options]: Parameters<typeof runPod> extends [unknown, unknown, ...infer Rest] ? Rest : []
  ) {
    const namespace = await kube.newNamespace();
    const pod = await runPod(kube, namespace, options);
    await attesting.sees(`${namespace}/${pod.name}`, isThere);
    return pod;
  }

  test('a projected token makes its pod the workload it is, until the token ends', async () => {
    const pod = await running();
    const verdict = await judge(await tokenOf(kube, pod));
    expect(verdict).toMatchObject({ kind: 'ok', workload: `${pod.namespace}/${pod.name}`, serviceAccount: 'web' });
    const leftMs = verdict.kind === 'ok' ? verdict.expiresAtMs - Date.now() : 0;
    expect(leftMs / 3_600_000).toBeCloseTo(1, 1);
    expect(attesting.attest.problems()).toEqual([]);
  });

  test('SEC-37 a token for another audience, or bound to no pod, is nobody’s', async () => {
    const pod = await running();
    expect(await judge(await tokenOf(kube, pod, { audience: 'vault' }))).toEqual(refused(/audience/));
    expect(await judge(await tokenOf(kube, pod, { uid: null }))).toEqual(refused(/no pod/));
  });

  test('SEC-37 what is no token, or is one of nobody here, is refused without a crash', async () => {
    const pod = await running();
    const token = await tokenOf(kube, pod);
    const [head, payload = '', signature = ''] = token.split('.');
    const forged = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: 'system:serviceaccount:' };
    const hostile = [
      '',
      'x'.repeat(65_536),
      `${token}.`,
      `${head}.${Buffer.from(JSON.stringify(forged)).toString('base64url')}.${signature}`,
      `${head}.${payload}.${Buffer.from('not the signature').toString('base64url')}`,
      `${head}.${Buffer.from('[]').toString('base64url')}.${signature}`,
    ];
    for (const text of hostile) expect(await judge(text), text.slice(0, 80)).toMatchObject({ kind: 'refused' });
    expect(await judge(token)).toMatchObject({ kind: 'ok' });
  });

  test('SEC-38 a pod is who it runs as, not who its namespace could mint a token for', async () => {
    const pod = await running();
    await runPod(kube, pod.namespace, { name: 'other', serviceAccount: 'other' });
    // The API server itself binds a token only to a pod of that service account.
    await expect(tokenOf(kube, pod, { serviceAccount: 'other' })).rejects.toThrow(/different serviceaccount name/);
    await expect(tokenOf(kube, { ...pod, namespace: await kube.newNamespace() })).rejects.toThrow(/not found/);
  });

  test('SEC-38 the token of a pod is no more after it, and not that of another one of its name', async () => {
    const pod = await running({ name: 'db-0' });
    const token = await tokenOf(kube, pod);
    expect(await judge(token)).toMatchObject({ kind: 'ok' });
    await kube.kubectl(['delete', 'pod', pod.name, '-n', pod.namespace, '--grace-period=0', '--force']);
    await attesting.sees(`${pod.namespace}/${pod.name}`, (text) => !isThere(text));
    expect(attesting.news.some((keys) => keys.has(`${pod.namespace}/db-0`))).toBe(true);
    expect(await judge(token)).toEqual(refused(/not there/));
    const next = await runPod(kube, pod.namespace, { name: 'db-0' });
    await attesting.sees(`${pod.namespace}/${pod.name}`, (text) => text.includes(next.uid));
    expect(await judge(token)).toEqual(refused(/not there/));
    expect(await judge(await tokenOf(kube, next))).toMatchObject({ kind: 'ok', workload: `${pod.namespace}/db-0` });
  });

  test('SEC-37 a token is no more with its service account, though its pod still runs', async () => {
    const pod = await running();
    const token = await tokenOf(kube, pod);
    await kube.kubectl(['delete', 'serviceaccount', 'web', '-n', pod.namespace]);
    expect(await judge(token)).toEqual(refused(/does not know it/));
  });

  test('SEC-38 a token that was made before its pod had a node says nothing of a pod that runs', async () => {
    const pod = await running({ node: null });
    const early = await tokenOf(kube, pod);
    expect(await judge(early)).toEqual(refused(/names no node/));
    const target = { apiVersion: 'v1', kind: 'Node', name: `node-of-${pod.namespace}` };
    await kube.request('POST', '/api/v1/nodes', { metadata: { name: target.name } });
    const bound = await kube.request('POST', `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/binding`, {
      ...{ metadata: { name: pod.name }, target },
    });
    expect(bound.status).toBe(201);
    await attesting.sees(`${pod.namespace}/${pod.name}`, (text) => text.includes(target.name));
    expect(await judge(early)).toEqual(refused(/names no node/));
    expect(await judge(await tokenOf(kube, pod))).toMatchObject({ kind: 'ok' });
  });

  test('a pod that we did not inject has no proxy', async () => {
    const pod = await running({ isInjected: false });
    expect(await judge(await tokenOf(kube, pod))).toEqual(refused(/not injected/));
  });

  test('a pod on its way out keeps what it was attested as, and is not attested for the first time', async () => {
    const [known, unknown] = [await running(), await running()];
    const [token, late] = [await tokenOf(kube, known), await tokenOf(kube, unknown)];
    expect(await judge(token)).toMatchObject({ kind: 'ok' });
    for (const { namespace, name } of [known, unknown]) {
      await kube.request('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=600`);
      await attesting.sees(`${namespace}/${name}`, (text) => text.includes('deletionTimestamp'));
    }
    expect(await judge(token)).toMatchObject({ kind: 'ok' });
    for (const _ of [1, 2]) expect(await judge(late)).toEqual(refused(/on its way out/));
  });

  test('an authorization worker is attested by its own account, and no other part of ours is', async () => {
    await kube.request('POST', '/api/v1/namespaces', namespaceOf(systemNamespace));
    const workload = { isInjected: false, serviceAccount: 'coffre-authz' };
    const worker = await runPod(kube, systemNamespace, workload);
    const other = await runPod(kube, systemNamespace, { isInjected: true, serviceAccount: 'stranger' });
    await attesting.sees(`${systemNamespace}/${other.name}`, isThere);
    expect(await judge(await tokenOf(kube, worker, workload))).toMatchObject({ kind: 'ok', workload: workerKey });
    const token = await tokenOf(kube, other, { serviceAccount: 'stranger' });
    expect(await judge(token)).toEqual(refused(/no proxy/));
  });

  test('an API server that is away, slow or forbidding lets nobody new in, and takes nothing from whom it vouched for', async () => {
    const proxy = await startFaultyProxy(kube);
    const through = await startAttesting(kube, { asking: proxy.kubeconfig });
    try {
      const [known, unknown] = [await running(), await running()];
      for (const { namespace, name } of [known, unknown]) await through.sees(`${namespace}/${name}`, isThere);
      const [token, late] = [await tokenOf(kube, known), await tokenOf(kube, unknown)];
      const { bearers } = through.attest;
      expect(await bearers.judgeBearer(token, address)).toMatchObject({ kind: 'ok' });
      for (const fault of [{ kind: 'cut' }, { kind: 'status', status: 503 }, { kind: 'silent' }] as const) {
        proxy.spoil = () => fault;
        expect(await bearers.judgeBearer(late, address), fault.kind).toEqual({ kind: 'unanswered' });
        expect(await bearers.judgeBearer(token, address), fault.kind).toMatchObject({ kind: 'ok' });
        expect(through.attest.problems()).toMatchObject([{ advice: expect.stringContaining('see how') }]);
      }
      proxy.spoil = () => ({ kind: 'status', status: 403 });
      expect(await bearers.judgeBearer(late, address)).toEqual({ kind: 'unanswered' });
      expect(through.attest.problems()).toMatchObject([
        { code: 'cluster-unreadable', advice: expect.stringContaining('`create` on `tokenreviews') },
      ]);
      proxy.spoil = () => undefined;
      expect(await bearers.judgeBearer(late, address)).toMatchObject({ kind: 'ok' });
      expect(through.attest.problems()).toEqual([]);
    } finally {
      await through.close();
      await proxy.close();
    }
  });
});
