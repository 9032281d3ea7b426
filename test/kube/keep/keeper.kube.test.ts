/** Objects that are kept in step, against a real API server: made, set right, removed, and what a fault may not do. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { informTimings } from '../../../src/kube/inform/timings.ts';
import { admissionPolicies } from '../../../src/kube/keep/admission-policies.ts';
import { Keeper } from '../../../src/kube/keep/keeper.ts';
import { type KeptKind, keepRules, keptAdmissionPolicies } from '../../../src/kube/keep/kept-kind.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import type { Leadership } from '../../../src/kube/lease/leadership.ts';
import { onlyReplica } from '../../../src/kube/lease/only-replica.ts';
import { type KubeObject, KubeObjects } from '../../../src/kube/objects.ts';
import { type FaultyProxy, startFaultyProxy } from '../faulty-proxy.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import type { Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';

/** Longest wait for anything, in ms: nothing here takes seconds but on a loaded machine. */
const untilMaxMs = 60_000;
const timings = { ...informTimings, backoffMs: 20, backoffMaxMs: 200, answerMaxMs: 3_000 };
const options = { timings, nowMs: () => performance.now(), random: () => 0.5 };

whereKube('objects that are kept', (kube) => {
  let proxy: FaultyProxy;
  let space: string;
  let kind: KeptKind;
  const closers: (() => unknown)[] = [];

  beforeEach(async () => {
    proxy = await startFaultyProxy(kube);
    space = await kube.newNamespace('kept');
    kind = {
      place: { kind: 'ConfigMap', group: '', version: 'v1', plural: 'configmaps' },
      ...{ part: `test-${randomUUID().slice(0, 8)}`, content: ['data', 'binaryData'], seesOthers: false },
    };
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await proxy.close();
  });

  function keep({ leadership = onlyReplica('one'), kubeconfig = proxy.kubeconfig, of = kind } = {}) {
    const client = openKubeClient({ kind: 'kubeconfig', file: kubeconfig });
    const stop = new AbortController();
    const told: string[] = [];
    const objects = new KubeObjects(client, stop.signal);
    const keeper: Keeper = new Keeper(of, {
      ...{ client, objects, leadership, options },
      changed: () => told.push(...keeper.problems().map(({ message }) => message)),
    });
    closers.push(async () => {
      stop.abort();
      keeper.close();
      await client.close();
    });
    return { keeper, told };
  }

  const wish = (name: string, data: Readonly<Record<string, string>> = { x: '1' }): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: space }, data },
  });
  const path = () => `/api/v1/namespaces/${space}/configmaps`;
  const dataOf = async (name: string) => {
    const { status, body } = await kube.request('GET', `${path()}/${name}`);
    return status === 200 ? (body as { data?: object }).data : undefined;
  };
  const isNow = (name: string, data: object | undefined) =>
    until(async () => JSON.stringify(await dataOf(name)) === JSON.stringify(data));

  test('what is wanted is made, changed with the wish, and removed with it; what is not ours stays', async () => {
    await kube.request('POST', path(), { metadata: { name: 'own' }, data: { x: 'theirs' } });
    const { keeper } = keep();
    keeper.want([wish('a'), wish('b')]);
    await isNow('a', { x: '1' });
    await isNow('b', { x: '1' });
    keeper.want([wish('a', { x: '2' })]);
    await isNow('a', { x: '2' });
    await isNow('b', undefined);
    expect(await dataOf('own')).toEqual({ x: 'theirs' });
    expect(keeper.problems()).toEqual([]);
  });

  test('a hand edit is told with who and where before it is set right, and what is not our business stays', async () => {
    const { keeper, told } = keep();
    keeper.want([wish('a')]);
    await isNow('a', { x: '1' });
    const patch = JSON.stringify({ metadata: { annotations: { note: 'mine' } }, data: { x: '9', y: '9' } });
    const { code } = await kube.kubectl([
      'patch',
      'configmap',
      'a',
      '-n',
      space,
      '--type=merge',
      '-p',
      patch,
      '--field-manager=mallory',
    ]);
    expect(code).toBe(0);
    await isNow('a', { x: '1' });
    expect(told).toContainEqual(
      expect.stringMatching(/^`data\.[xy]` was changed by `mallory` at \d{4}-.+; it is set right$/),
    );
    expect(keeper.problems()).toMatchObject([{ code: 'object-drift', object: { namespace: space, name: 'a' } }]);
    const { body } = await kube.request('GET', `${path()}/a`);
    expect(body).toMatchObject({ metadata: { annotations: { note: 'mine' } } });
  });

  test('what is deleted by hand comes back, and so does what lost our labels', async () => {
    const { keeper, told } = keep();
    keeper.want([wish('a'), wish('b')]);
    await isNow('b', { x: '1' });
    await kube.request('DELETE', `${path()}/a`);
    await kube.kubectl([
      'label',
      'configmap',
      'b',
      '-n',
      space,
      'app.kubernetes.io/managed-by-',
      'app.kubernetes.io/component=other',
    ]);
    await kube.kubectl(['patch', 'configmap', 'b', '-n', space, '--type=merge', '-p', '{"data":{"x":"9"}}']);
    await isNow('a', { x: '1' });
    await isNow('b', { x: '1' });
    expect(told).toContainEqual(expect.stringContaining('`a` was deleted, or lost our labels'));
  });

  test('only the leader writes, and only for as long as it leads', async () => {
    const leadership = changeable();
    const { keeper } = keep({ leadership });
    const other = keep({ of: { ...kind, part: `${kind.part}-2` } });
    keeper.want([wish('a')]);
    other.keeper.want([wish('other')]);
    await isNow('other', { x: '1' });
    expect(await dataOf('a')).toBeUndefined();
    leadership.lead(7);
    await isNow('a', { x: '1' });
    leadership.lead(undefined);
    await kube.request('DELETE', `${path()}/a`);
    await kube.request('DELETE', `${path()}/other`);
    await isNow('other', { x: '1' });
    expect(await dataOf('a')).toBeUndefined();
    expect(keeper.problems()).toEqual([]);
  });

  test('a list that cannot be had takes nothing away, and nothing is done before there was one', async () => {
    const first = keep();
    first.keeper.want([wish('a'), wish('b')]);
    await isNow('b', { x: '1' });
    first.keeper.close();
    proxy.spoil = ({ path: asked }) => (asked.includes('limit=') ? { kind: 'status', status: 403 } : undefined);
    const { keeper } = keep();
    keeper.want([wish('a', { x: '2' })]);
    await until(() => keeper.problems().some(({ code }) => code === 'cluster-unreadable'));
    expect([await dataOf('a'), await dataOf('b')]).toEqual([{ x: '1' }, { x: '1' }]);
    proxy.spoil = () => undefined;
    await isNow('a', { x: '2' });
    await isNow('b', undefined);
    await until(() => keeper.problems().length === 0);
  });

  test('FLT-17: while nobody answers nothing is inferred, and it is tried until somebody does', async () => {
    const { keeper } = keep();
    keeper.want([wish('a')]);
    await isNow('a', { x: '1' });
    proxy.spoil = () => ({ kind: 'cut' });
    proxy.cutAll();
    keeper.want([wish('a', { x: '2' }), wish('b')]);
    await until(() => keeper.problems().some(({ code }) => code === 'cluster-unwritable'));
    expect(await dataOf('a')).toEqual({ x: '1' });
    proxy.spoil = () => undefined;
    await isNow('a', { x: '2' });
    await isNow('b', { x: '1' });
    await until(() => keeper.problems().length === 0);
  });

  test('who may not write is told what is missing, and goes on once it may', async () => {
    const user = await kube.newUser(`keeper-${space}`);
    await allow(kube, user.name, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }]);
    const { keeper } = keep({ kubeconfig: user.kubeconfig });
    keeper.want([wish('a'), wish('b')]);
    await until(() => keeper.problems().some(({ message }) => message.includes(', and 1 more cannot be kept')));
    expect(keeper.problems()).toMatchObject([
      { code: 'cluster-unwritable', advice: expect.stringContaining('`configmaps`') },
    ]);
    await allow(kube, user.name, [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }]);
    await isNow('b', { x: '1' });
    await until(() => keeper.problems().length === 0);
  });

  test('a namespace that is not there yet is waited for, and nobody is told', async () => {
    const { keeper } = keep();
    const later = `${space}-later`;
    keeper.want([{ ...wish('a'), metadata: { name: 'a', namespace: later } }]);
    await until(() => proxy.asked.filter(({ path: asked }) => asked.includes(`/${later}/`)).length > 2);
    expect(keeper.problems()).toEqual([]);
    await kube.request('POST', '/api/v1/namespaces', { metadata: { name: later } });
    await until(async () => (await kube.request('GET', `/api/v1/namespaces/${later}/configmaps/a`)).status === 200);
  });

  test('the policies of admission are kept with the verbs that are asked for, and a condition added is taken out', async () => {
    if ((await kube.request('GET', '/apis/coffre.dev/v1alpha1/tenants')).status !== 200) await installDefinitions(kube);
    const user = await kube.newUser(`walls-${space}`);
    await allow(kube, user.name, keepRules);
    for (const of of keptAdmissionPolicies) {
      const kept = keep({ kubeconfig: user.kubeconfig, of });
      kept.keeper.want(admissionPolicies.filter((each) => each.kind === of.place.kind));
    }
    const base = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
    const name = 'coffre-claims-are-encrypted';
    const conditions = async () => {
      const { body } = await kube.request('GET', `${base}/${name}`);
      return (body as { spec?: { matchConditions?: object[] } }).spec?.matchConditions?.length;
    };
    await until(async () => (await conditions()) === 1);
    const patch = JSON.stringify({
      spec: {
        matchConditions: [
          { name: 'what-is-written', expression: 'true' },
          { name: 'never', expression: 'false' },
        ],
      },
    });
    const { code } = await kube.kubectl(['patch', 'validatingadmissionpolicy', name, '--type=merge', '-p', patch]);
    expect(code).toBe(0);
    await until(async () => (await conditions()) === 1);
  });
});

function changeable() {
  let term: number | undefined;
  const listeners = new Set<() => void>();
  const leadership: Leadership & { lead(next: number | undefined): void } = {
    term: () => term,
    leader: () => undefined,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    lead(next) {
      term = next;
      for (const listener of listeners) listener();
    },
  };
  return leadership;
}

async function allow(kube: Kube, user: string, rules: readonly object[]): Promise<void> {
  const name = `${user}-${randomUUID().slice(0, 8)}`;
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  await kube.request('POST', `${rbac}/clusterroles`, { metadata: { name }, rules });
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }];
  await kube.request('POST', `${rbac}/clusterrolebindings`, { metadata: { name }, roleRef, subjects });
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(untilMaxMs);
  while (!(await isSo())) await sleep(20, undefined, { signal });
}
