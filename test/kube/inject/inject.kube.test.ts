/**
 * Injection at a real API server: what it takes, what its own Pod Security says of it, and who is refused what afterwards.
 *
 * The namespace enforces `privileged`, as the redirection needs; what the others would say is heard by a dry run in them.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { redirectName } from '../../../src/kube/inject/names.ts';
import type { Pod } from '../../../src/kube/inject/pod.ts';
import { sidecarUsers } from '../../../src/kube/inject/settings.ts';
import { guestUser } from '../../../src/kube/inject/users.ts';
import type { Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { serveInjection } from './serve-injection.ts';
import { podWith, restricted, settings } from './settings.ts';

whereKube('injection', (kube) => {
  let shop = '';
  let stop = async () => {};
  const caretakers = new Set<string>();
  let drawn: number = sidecarUsers.first;

  beforeAll(async () => {
    shop = await namespaceOf(kube, 'privileged');
    stop = await serveInjection(kube, {
      tenant: shop,
      sidecarUser: () => ++drawn,
      installation: { ...settings, exempt: [], unproxied: new Set([`${shop}/agent`]), caretakers },
    });
    // A configuration bites a moment after it was taken.
    await vi.waitFor(
      async () => {
        const { body } = await create(podWith(), '?dryRun=All');
        expect((body as Partial<Pod>).spec?.initContainers ?? [], JSON.stringify(body)).toHaveLength(2);
      },
      { timeout: 10_000, interval: 200 },
    );
  });
  afterAll(() => stop());

  async function create(pod: Pod, query = ''): Promise<{ status: number; body: unknown }> {
    return kube.request('POST', `/api/v1/namespaces/${shop}/pods${query}`, { apiVersion: 'v1', kind: 'Pod', ...pod });
  }

  async function created(podName: string, change: object = {}, spec: object = {}): Promise<Pod> {
    const pod = podWith(change, spec, { name: podName, labels: { app: 'web', mood: 'calm' } });
    const { status, body } = await create(pod, '?fieldValidation=Strict');
    expect(status, JSON.stringify(body)).toBe(201);
    return body as Pod;
  }

  const kubectl = (args: readonly string[], input = '') => kube.kubectl(['-n', shop, ...args], { input });

  test('a pod with every kind of probe is taken with its sidecar first, and the validating half agrees with what the server made of it', async () => {
    const { spec } = await created(
      'probed',
      {
        livenessProbe: { grpc: { port: 9_000 } },
        readinessProbe: { httpGet: { path: '/r?x=1', port: 8_080 } },
        startupProbe: { tcpSocket: { port: 8_080 } },
        lifecycle: { preStop: { httpGet: { path: '/bye', port: 8_080 } } },
      },
      { initContainers: [{ name: 'first', image: 'i', securityContext: restricted }] },
    );
    expect(spec.initContainers?.map((one) => one.name)).toEqual(['coffre-redirect', 'coffre-sidecar', 'first']);
    expect(spec.containers[0]?.readinessProbe?.httpGet).toMatchObject({ path: '/app/web/readiness?x=1', port: 15_021 });
  });

  test('each pod has another sidecar user, and a pod made of an injected one too', async () => {
    const first = await created('first');
    const { labels = {}, annotations = {} } = first.metadata ?? {};
    const copied = await create({ metadata: { name: 'copy', labels, annotations }, spec: first.spec });
    expect(copied.status, JSON.stringify(copied.body)).toBe(201);
    const userOf = ({ spec }: Pod) => spec.initContainers?.[1]?.securityContext?.runAsUser;
    expect(userOf(copied.body as Pod)).not.toBe(userOf(first));
    expect((copied.body as Pod).spec.initContainers).toHaveLength(2);
  });

  test('restricted Pod Security has nothing against a pod but its redirection, of which baseline minds the capability alone', async () => {
    const pod = await created('judged');
    const judge = async (level: string, spec: Pod['spec']) => {
      const namespace = await namespaceOf(kube, level);
      const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
      const { status, body } = await kube.request('POST', path, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'judged' },
        spec,
      });
      return status === 201 ? 'taken' : String((body as { message?: string }).message);
    };
    const rest = {
      ...pod.spec,
      initContainers: pod.spec.initContainers?.filter((one) => one.name !== redirectName) ?? [],
    };
    expect(await judge('restricted', rest)).toBe('taken');
    const minded = await judge('baseline', pod.spec);
    expect(minded).toContain('non-default capabilities (container "coffre-redirect" must not include "NET_ADMIN"');
    expect(minded.match(/container "/g)).toHaveLength(1);
    expect(await judge('restricted', pod.spec)).not.toMatch(/coffre-sidecar|"web"/);
  });

  test('SEC-47 who would get past a sidecar is refused with the reason, and a wish is no right', async () => {
    const refused = async (pod: Pod) => {
      const { status, body } = await create(pod);
      return `${status} ${(body as { message?: string }).message}`;
    };
    expect(await refused(podWith({}, { hostNetwork: true }))).toContain(
      '403 admission webhook "inject.coffre.dev" denied the request: Pod/',
    );
    expect(await refused(podWith({ securityContext: { privileged: true } }))).toContain(
      'can change the rules of its pod',
    );
    const wish = { annotations: { 'coffre.dev/inject': 'disabled' } };
    expect(await refused(podWith({}, {}, wish))).toContain(`\`${shop}/default\` may not be without a sidecar`);
    const agent = await create(podWith({}, { serviceAccountName: 'agent' }, { ...wish, name: 'agent' }));
    expect(agent.status, JSON.stringify(agent.body)).toBe(201);
    expect((agent.body as Pod).spec.initContainers).toBeUndefined();
  });

  test('SEC-47 later edits are refused where they touch what is ours, and taken where they do not', async () => {
    await created('edited');
    const setImage = (container: string) => kubectl(['set', 'image', 'pod/edited', `${container}=evil:1`]);
    expect((await setImage('web')).code).toBe(0);
    expect((await setImage('coffre-sidecar')).stderr).toContain('the wall of this pod');
    expect((await kubectl(['label', 'pod/edited', 'mood=wild', '--overwrite'])).code).toBe(0);
    expect((await kubectl(['label', 'pod/edited', 'app=bank', '--overwrite'])).stderr).toContain(
      "another workload's place",
    );
    expect((await kubectl(['label', 'pod/edited', 'coffre.dev/revision-'])).stderr).toContain(
      'settled when the pod was made',
    );
    expect((await kubectl(['annotate', 'pod/edited', 'coffre.dev/capture=explicit'])).stderr).toContain('settled when');
    const starve = {
      spec: {
        initContainers: [{ name: 'coffre-sidecar', resources: { limits: { cpu: '1m' }, requests: { cpu: '1m' } } }],
      },
    };
    const resized = await kubectl([
      'patch',
      'pod/edited',
      '--subresource=resize',
      '--type=strategic',
      `--patch=${JSON.stringify(starve)}`,
    ]);
    expect(resized.stderr).toContain('the wall of this pod');
  });

  test('SEC-47 `kubectl debug` lets in a guest that has no more than an application, and nobody else', async () => {
    await created('debugged');
    const debug = (args: readonly string[]) =>
      kubectl(['debug', 'debugged', '--image=busybox', '--attach=false', ...args, '--', 'true']);
    const denied = await debug(['--profile=netadmin', '--target=web']);
    expect(denied.stderr).toContain('with `NET_ADMIN, NET_RAW` a container could get past its sidecar');
    expect((await debug(['--profile=restricted', '--target=coffre-sidecar'])).stderr).toContain(
      'holds the identity of the pod',
    );
    expect((await debug(['--profile=general'])).code).toBe(1);
    expect(await debug(['--profile=restricted', '--target=web'])).toMatchObject({ code: 0 });
    const { spec } = JSON.parse((await kubectl(['get', 'pod', 'debugged', '-o', 'json'])).stdout);
    expect(spec.ephemeralContainers).toHaveLength(1);
    expect(spec.ephemeralContainers[0].securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: guestUser });
  });

  test('SEC-47 no image becomes the user of a sidecar after the pod was made', async () => {
    const { runAsUser: _stated, ...userless } = restricted;
    await created('userless', { securityContext: userless });
    const set = await kubectl(['set', 'image', 'pod/userless', 'web=evil:1']);
    expect(set.stderr).toContain('could say the user of the sidecar');
    const pod = { apiVersion: 'v1', kind: 'Pod', ...podWith({ securityContext: userless }, {}, { name: 'tagged' }) };
    const { code, stderr } = await kubectl(['apply', '-f', '-'], stringify(pod));
    expect([code, stderr]).toEqual([0, expect.stringContaining('name a digest, or state `runAsUser`')]);
  });

  test('SEC-47 nobody steps into a sidecar', async () => {
    await created('entered');
    expect((await kubectl(['exec', 'entered', '-c', 'coffre-sidecar', '--', 'sh'])).stderr).toContain('a way past it');
    // There is no kubelet to go on with.
    expect((await kubectl(['exec', 'entered', '-c', 'web', '--', 'sh'])).stderr).not.toContain('way past');
  });

  test('whom the sidecars of a namespace believe is not written by a tenant, and any other ConfigMap is', async () => {
    const path = `/api/v1/namespaces/${shop}/configmaps`;
    const make = (name: string) =>
      kube.request('POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const { body: self } = await kube.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', review);
    const adminName = (self as { status: { userInfo: { username: string } } }).status.userInfo.username;
    expect((await make('of-theirs')).status).toBe(201);
    expect(await make('coffre-mesh')).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('believe') },
    });
    caretakers.add(adminName);
    expect((await make('coffre-mesh')).status).toBe(201);
    caretakers.clear();
    expect((await kube.request('DELETE', `${path}/coffre-mesh`)).status).toBe(403);
    // With no name in the request.
    await kube.request('DELETE', path);
    expect((await kube.request('GET', `${path}/coffre-mesh`)).status).toBe(200);
  });

  test('a pod of a Deployment is injected when it is made, its template is not', async () => {
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: { ...podWith(), metadata: { labels: { app: 'web' } } },
      },
    };
    expect((await kubectl(['apply', '-f', '-'], stringify(deployment))).code).toBe(0);
    const { spec } = JSON.parse((await kubectl(['get', 'deployment', 'web', '-o', 'json'])).stdout);
    expect(spec.template.spec.initContainers).toBeUndefined();
    expect(
      (await create({ metadata: { generateName: 'web-' } as Pod['metadata'] & object, spec: spec.template.spec }))
        .status,
    ).toBe(201);
  });
});

async function namespaceOf(kube: Kube, level: string): Promise<string> {
  const name = await kube.newNamespace('inject');
  const patch = { metadata: { labels: { 'pod-security.kubernetes.io/enforce': level } } };
  const { code, stderr } = await kube.kubectl(['patch', 'namespace', name, `--patch=${JSON.stringify(patch)}`]);
  if (code !== 0) throw new Error(stderr);
  return name;
}
