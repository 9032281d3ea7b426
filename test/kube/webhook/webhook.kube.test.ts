/**
 * The webhooks at a real API server that presents its certificate, reached by the service's address as in any cluster.
 *
 * The order of the tests is a story: a cluster without a control plane, its first start, a working day, and the end.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { approvedByAnnotation } from '../../../src/kube/inject/names.ts';
import type { Pod } from '../../../src/kube/inject/pod.ts';
import { webhookConfigurations } from '../../../src/kube/webhook/webhook-configurations.ts';
import { issue, loadAuthority, makeAuthority } from '../harness/certificates.ts';
import { isKubernetesHere } from '../harness/cluster.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { type Answer, connectKube, type Kube } from '../harness/kube.ts';
import { type RunningCluster, startKube } from '../harness/start-kube.ts';
import { namespace } from '../inform/cluster-objects.ts';
import { podWith } from '../inject/settings.ts';
import {
  follows,
  leads,
  type PlayedAuthority,
  type PlayedReplica,
  playAuthority,
  playReplica,
} from './play-replicas.ts';
import { type PlayedServices, playServices } from './play-services.ts';
import { writeFirst } from './write-first.ts';
import { grantTo, ourObject, serviceOf } from './written.ts';

/** A registration bites a moment after it was written. */
const soon = { timeout: 40_000, interval: 100 };
const admission = '/apis/admissionregistration.k8s.io/v1';
const ours = '/apis/coffre.dev/v1alpha1';

describe.skipIf(!isKubernetesHere())('webhooks', () => {
  let cluster: RunningCluster;
  let kube: Kube;
  let services: PlayedServices;
  let ca: PlayedAuthority;
  let leader: PlayedReplica;
  const replicas: PlayedReplica[] = [];

  beforeAll(async () => {
    cluster = await startKube({ services: true });
    kube = connectKube(cluster);
    services = await playServices(cluster);
    ca = await playAuthority();
    await installDefinitions(kube);
    for (const name of ['coffre-system', 'shop', 'billing']) await made('/api/v1/namespaces', namespace(name));
    await made('/api/v1/namespaces/coffre-system/services', serviceOf('coffre', { xds: 15_012, webhook: 443 }));
    await made('/api/v1/namespaces/kube-system/services', serviceOf('kube-dns', { dns: 53 }));
    for (const name of ['shop', 'billing'])
      await made(`${ours}/tenants`, ourObject('Tenant', name, { environment: 'prod' }));
    // As an installation applies them: before there is a CA.
    const installed = webhookConfigurations({ rootPem: undefined })
      .map((each) => stringify(each))
      .join('---\n');
    const { code, stderr } = await kube.kubectl(['apply', '-f', '-'], { input: installed });
    if (code !== 0) throw new Error(stderr);
    await vi.waitFor(
      async () => expect(await create('shop', 'early', '?dryRun=All')).toMatchObject({ status: 500 }),
      soon,
    );
  });

  afterAll(async () => {
    for (const replica of replicas) await replica.close();
    await services.close();
    await ca.close();
    await kube.close();
    await cluster.stop();
  });

  async function made(path: string, object: object): Promise<void> {
    const { status, body } = await kube.request('POST', path, object);
    if (status !== 201) throw new Error(JSON.stringify(body));
  }

  function create(
    space: string,
    name: string,
    query = '',
    change: object = {},
    metadata: object = {},
  ): Promise<Answer> {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      ...podWith(change, {}, { name, labels: { app: 'web' }, ...metadata }),
    };
    return kube.request('POST', `/api/v1/namespaces/${space}/pods${query}`, pod);
  }

  function put(kind: string, plural: string, name: string, spec: object, metadata: object = {}): Promise<Answer> {
    return kube.request('POST', `${ours}/namespaces/shop/${plural}`, ourObject(kind, name, spec, metadata));
  }

  /** Four who create pods, one after another each, until they are stopped. */
  function keepAsking() {
    const answers: number[] = [];
    let isOver = false;
    const asking = Array.from({ length: 4 }, async () => {
      while (!isOver) answers.push((await create('shop', `asked-${randomUUID()}`, '?dryRun=All')).status);
    });
    return {
      /** Until twenty more were answered. */
      someMore: () => expect.poll(() => answers.length, soon).toBeGreaterThan(answers.length + 20),
      /** @returns each status that there was. */
      async stop() {
        isOver = true;
        await Promise.all(asking);
        return new Set(answers);
      },
    };
  }

  async function start(leadership = leads): Promise<PlayedReplica> {
    const replica = await playReplica(kube, ca.authority, leadership);
    replicas.push(replica);
    services.behind = replicas.map(({ port }) => port);
    return replica;
  }

  async function stop(replica: PlayedReplica): Promise<void> {
    replicas.splice(replicas.indexOf(replica), 1);
    services.behind = replicas.map(({ port }) => port);
    await replica.close();
  }

  test('FLT-22 before there is a control plane nothing that it guards is written, and all that it needs to come up is', async () => {
    expect(new Set(await writeFirst(kube, 'ever'))).toEqual(new Set(['taken']));
    expect(await create('shop', 'early')).toMatchObject({ status: 500 });
    expect(await put('Grant', 'grants', 'early', grantTo('billing'))).toMatchObject({ status: 500 });
    // The mesh by whose name the CA is made.
    await made(`${ours}/meshes`, ourObject('Mesh', 'default', { trustDomain: 'mesh.example' }));
  });

  test('the leader says by whose certificate it is known, and is asked from then on', async () => {
    leader = await start();
    await vi.waitFor(
      async () => expect(await create('shop', 'probe', '?dryRun=All')).toMatchObject({ status: 201 }),
      soon,
    );
    const { body } = await create('shop', 'web-0');
    expect((body as Pod).spec.initContainers?.map(({ name }) => name)).toEqual(['coffre-redirect', 'coffre-sidecar']);
    expect(leader.problems()).toEqual([]);
  });

  test('what somebody changes in a registration by hand is put back', async () => {
    const path = `${admission}/validatingwebhookconfigurations/coffre`;
    const { body } = await kube.request('GET', path);
    const { webhooks } = body as { webhooks: { failurePolicy: string }[] };
    const opened = { ...(body as object), webhooks: webhooks.map((each) => ({ ...each, failurePolicy: 'Ignore' })) };
    expect(await kube.request('PUT', path, opened)).toMatchObject({ status: 200 });
    await stop(leader);
    leader = await start();
    const kept = (await kube.request('GET', path)).body as typeof body & { webhooks: { failurePolicy: string }[] };
    expect(kept.webhooks.filter(({ failurePolicy }) => failurePolicy === 'Ignore')).toHaveLength(1);
  });

  describe('SEC-45 a pod that calls by itself is refused before anything is read', () => {
    const ask = (port: number, tls: object) =>
      new Promise<string>((resolve) => {
        const at = { host: '127.0.0.1', port, path: '/pods', method: 'POST', rejectUnauthorized: false, ...tls };
        request(at, ({ statusCode }) => resolve(`answered ${statusCode}`))
          .on('error', ({ message }) => resolve(message))
          .end('{}');
      });

    test.each<[string, () => Promise<object>]>([
      ['without a certificate', async () => ({})],
      [
        'with one of the cluster’s own authority, as people and kubelets have',
        async () => {
          const { certificate: cert, key } = await issue(await loadAuthority(cluster.folder), {
            ...{ name: 'front-proxy-client', groups: ['system:masters'] },
          });
          return { cert, key };
        },
      ],
      [
        'with one of an authority of its own',
        async () => {
          const { certificate: cert, key } = await issue(await makeAuthority('mine'), { name: 'front-proxy-client' });
          return { cert, key };
        },
      ],
      [
        'with the certificate of the webhooks',
        async () => {
          const leaf = ca.authority.serverCredentials('coffre.coffre-system.svc');
          return { cert: leaf?.certificateChainPem, key: leaf?.privateKeyPem.reveal() };
        },
      ],
    ])('%s', async (_, tls) => {
      expect(await ask(leader.port, await tls())).toMatch(/hang up|ECONNRESET/);
    });
  });

  describe('objects among all others', () => {
    test('what is wrong with it as it would stand is refused, in the words of a folder', async () => {
      const { status, body } = await put('Grant', 'grants', 'to-itself', grantTo('shop'));
      expect({ status, body }).toMatchObject({
        status: 403,
        body: { message: expect.stringContaining('Grant/shop/to-itself:1: spec.from.tenant:') },
      });
    });

    test.each<[string, string, string, object, string]>([
      ['a condition', 'AccessPolicy', 'accesspolicies', { allow: [{ when: 'request.path' }] }, 'spec.allow[0].when'],
      ['a null', 'AccessPolicy', 'accesspolicies', { allow: [{ from: { tenants: null } }] }, 'spec.allow[0]'],
    ])('%s that no definition can judge is refused', async (_, kind, plural, spec, path) => {
      const { status, body } = await put(kind, plural, 'unjudged', spec);
      expect({ status, body }).toMatchObject({ status: 403, body: { message: expect.stringContaining(path) } });
    });

    test('a certificate that is none is refused', async () => {
      const egress = [
        {
          name: 'api.example',
          port: 443,
          protocol: 'http',
          jurisdiction: 'eu',
          region: 'eu',
          caBundle: '-----BEGIN CERTIFICATE-----',
        },
      ];
      const answer = await kube.request(
        'POST',
        `${ours}/tenants?dryRun=All`,
        ourObject('Tenant', 'new', { environment: 'prod', egress }),
      );
      expect(answer).toMatchObject({
        status: 403,
        body: { message: expect.stringContaining('spec.egress[0].caBundle') },
      });
    });

    test('what another object may still mend is taken, with a warning', async () => {
      const input = stringify(ourObject('Grant', 'ahead', grantTo('billing', 'not-there-yet'), { namespace: 'shop' }));
      const { code, stderr } = await kube.kubectl(['apply', '-f', '-'], { input });
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/Warning: .*`not-there-yet`/) });
    });

    test('a tenant where nobody is asked about pods is none', async () => {
      const answer = await kube.request(
        'POST',
        `${ours}/tenants`,
        ourObject('Tenant', 'kube-system', { environment: 'prod' }),
      );
      expect(answer).toMatchObject({ status: 403, body: { message: expect.stringContaining('exempt from webhooks') } });
    });

    test('an object of a megabyte is judged like any other', async () => {
      const env = [{ name: 'NOTE', value: 'x'.repeat(1_000_000) }];
      expect(await create('shop', 'large', '?dryRun=All', { env })).toMatchObject({ status: 201 });
    });
  });

  describe('who consented', () => {
    const path = `${ours}/namespaces/shop/grants/told`;
    const told = async () => {
      const { body } = await kube.request('GET', path);
      return (body as { metadata: { annotations?: Record<string, string> } }).metadata.annotations?.[
        approvedByAnnotation
      ];
    };

    test('is who wrote the spec, whatever they say, and stays so when somebody else labels it', async () => {
      const ana = await person('ana');
      const forged = ourObject('Grant', 'told', grantTo('billing'), {
        ...{ namespace: 'shop', annotations: { [approvedByAnnotation]: 'the director' } },
      });
      expect(await kube.kubectl(['apply', '-f', '-'], { as: ana, input: stringify(forged) })).toMatchObject({
        code: 0,
      });
      expect(await told()).toBe('ana');
      const bo = await person('bo');
      expect(await kube.kubectl(['-n', 'shop', 'label', 'grant/told', 'seen=yes'], { as: bo })).toMatchObject({
        code: 0,
      });
      const steal = ['-n', 'shop', 'annotate', '--overwrite', 'grant/told', `${approvedByAnnotation}=bo`];
      expect(await kube.kubectl(steal, { as: bo })).toMatchObject({ code: 0 });
      expect(await told()).toBe('ana');
      const merge = JSON.stringify({ spec: { reason: 'another' } });
      const edit = ['-n', 'shop', 'patch', 'grant/told', '--type=merge', `--patch=${merge}`];
      expect(await kube.kubectl(edit, { as: bo })).toMatchObject({ code: 0 });
      expect(await told()).toBe('bo');
    });
  });

  describe('SEC-46 nobody is out of the mesh by a label', () => {
    test('a label of a namespace that looks as if it were one is refused, and any other is not', async () => {
      const label = (...labels: string[]) => kube.kubectl(['label', 'namespace', 'shop', '--overwrite', ...labels]);
      for (const mine of ['coffre.dev/inject=disabled', 'coffre.dev/exempt=true']) {
        expect(await label(mine)).toMatchObject({ code: 1, stderr: expect.stringContaining('no label takes one out') });
      }
      expect(await label('team=red')).toMatchObject({ code: 0 });
      const annotated = await kube.kubectl(['annotate', 'namespace', 'shop', 'coffre.dev/inject=disabled']);
      expect(annotated.stderr).toContain('no label takes one out');
    });

    test('the name by which namespaces are left out is the API server’s own', async () => {
      const rename = ['label', 'namespace', 'shop', '--overwrite', 'kubernetes.io/metadata.name=kube-system'];
      await kube.kubectl(rename);
      const { body } = await kube.request('GET', '/api/v1/namespaces/shop');
      expect(body).toMatchObject({ metadata: { labels: { 'kubernetes.io/metadata.name': 'shop' } } });
      expect(((await create('shop', 'renamed', '?dryRun=All')).body as Pod).spec.initContainers).toHaveLength(2);
    });

    test('a pod is never let by because its tenant is younger than what was heard', async () => {
      for (let round = 0; round < 10; round++) {
        const name = `young-${round}`;
        await made('/api/v1/namespaces', namespace(name));
        await made(`${ours}/tenants`, ourObject('Tenant', name, { environment: 'prod' }));
        const { status, body } = await create(name, 'first');
        const sidecars = status === 201 ? (body as Pod).spec.initContainers?.length : 'refused';
        expect(status === 503 ? 'refused' : sidecars).toBeOneOf([2, 'refused']);
        await vi.waitFor(async () => expect((await create(name, 'second', '?dryRun=All')).status).toBe(201), soon);
      }
    });
  });

  test('a volume of another tenant is refused by the same server', async () => {
    const volume = (name: string, claimRef: object) => ({
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name } },
      spec: {
        ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], claimRef },
        csi: { driver: 'disk.example', volumeHandle: 'of-shop' },
      },
    });
    await made('/api/v1/persistentvolumes', volume('mine', { namespace: 'shop', name: 'ledger' }));
    await vi.waitFor(async () => {
      const path = '/api/v1/persistentvolumes?dryRun=All';
      const stolen = await kube.request('POST', path, volume('stolen', { namespace: 'billing', name: 'copy' }));
      expect(stolen).toMatchObject({ status: 403, body: { message: expect.stringContaining('`shop/ledger`') } });
    }, soon);
  });

  test('FLT-22 certificates are renewed under requests, and none of them fails', async () => {
    const serial = async () => {
      const socket = connect({ host: '127.0.0.1', port: leader.port, rejectUnauthorized: false });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await serial();
    const asking = keepAsking();
    await asking.someMore();
    await ca.catchUp();
    leader.lookAgain();
    await asking.someMore();
    expect(await asking.stop()).toEqual(new Set([201]));
    expect(await serial()).not.toBe(before);
  });

  describe('FLT-22 of two replicas', () => {
    let second: PlayedReplica;

    beforeAll(async () => {
      second = await start(follows);
    });

    test('one dies in the middle of a request: nothing is written without a verdict, and the next one is judged', async () => {
      services.isSilent = true;
      services.cut();
      const asked = create('shop', 'torn');
      await expect.poll(() => services.connections(), soon).toBeGreaterThan(0);
      services.isSilent = false;
      services.behind = [second.port];
      services.cut();
      const { status } = await asked;
      const { status: found, body } = await kube.request('GET', '/api/v1/namespaces/shop/pods/torn');
      const written = found === 200 ? (body as Pod).spec.initContainers?.length : 'nothing';
      expect([`500 nothing`, `201 2`]).toContain(`${status} ${written}`);
      expect(await create('shop', 'after')).toMatchObject({ status: 201 });
      services.behind = replicas.map(({ port }) => port);
    });

    test('one leaves in order: no request fails', async () => {
      const asking = keepAsking();
      await asking.someMore();
      await stop(second);
      await asking.someMore();
      expect(await asking.stop()).toEqual(new Set([201]));
    });
  });

  test('SEC-46 a webhook that does not answer is a refusal within its five seconds', async () => {
    services.isSilent = true;
    services.cut();
    const startedMs = performance.now();
    const { status, body } = await create('shop', 'swallowed');
    services.isSilent = false;
    services.cut();
    expect({ status, body }).toMatchObject({
      status: 500,
      body: { message: expect.stringContaining('failed calling webhook') },
    });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(await kube.request('GET', '/api/v1/namespaces/shop/pods/swallowed')).toMatchObject({ status: 404 });
  });

  test('FLT-22 when everything was down, what the control plane needs to come up again is written, and then it answers', async () => {
    await stop(leader);
    services.cut();
    await vi.waitFor(
      async () => expect(await create('shop', 'down', '?dryRun=All')).toMatchObject({ status: 500 }),
      soon,
    );
    expect(new Set(await writeFirst(kube, 'again'))).toEqual(new Set(['taken']));
    // What stands lets go and is labelled, and a mesh that keeps every control plane from starting can be mended.
    const held = await kube.kubectl([
      '-n',
      'shop',
      'patch',
      'pod/web-0',
      '--type=merge',
      '--patch={"metadata":{"finalizers":["a.example/b"]}}',
    ]);
    const freed = await kube.kubectl([
      '-n',
      'shop',
      'patch',
      'pod/web-0',
      '--type=merge',
      '--patch={"metadata":{"finalizers":null}}',
    ]);
    const labelled = await kube.kubectl(['label', 'grant/told', '-n', 'shop', 'down=yes']);
    const mended = await kube.kubectl([
      'patch',
      'mesh/default',
      '--type=merge',
      '--patch={"spec":{"certificates":{"leafLifetime":"2h"}}}',
    ]);
    expect([held, freed, labelled, mended].map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      Array.from({ length: 4 }, () => ({ code: 0, stderr: '' })),
    );
    expect((await kube.kubectl(['-n', 'shop', 'label', 'pod/web-0', 'app=bank', '--overwrite'])).code).toBe(1);
    leader = await start();
    await vi.waitFor(async () => expect(await create('shop', 'up')).toMatchObject({ status: 201 }), soon);
  });

  async function person(name: string) {
    const user = await kube.newUser(name);
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
    await made('/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings', {
      metadata: { name },
      subjects,
      roleRef,
    });
    return user;
  }
});
