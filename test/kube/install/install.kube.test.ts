/** `coffre install` and `coffre uninstall` before a real API server. No kubelet runs here: the test says which workloads are ready. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultValues } from '../../../src/kube/install/default-values.ts';
import { installation } from '../../../src/kube/install/installation.ts';
import { tenant, write } from '../inform/cluster-objects.ts';
import { whereOwnCluster } from './own-cluster.ts';

const webhooks = ['MutatingWebhookConfiguration/coffre', 'ValidatingWebhookConfiguration/coffre'];
const workloads = ['statefulsets/coffre', 'deployments/coffre-authz'];
const inSystem = '/apis/apps/v1/namespaces/coffre-system';

whereOwnCluster('an installation', ({ kube, coffre, fileOf }) => {
  /** As the controllers of workloads would. */
  async function ready(): Promise<void> {
    for (const path of workloads) {
      const { body } = await kube().request('GET', `${inSystem}/${path}`);
      const object = body as { metadata: { generation: number }; spec: { replicas: number } };
      const { replicas } = object.spec;
      const observed = { observedGeneration: object.metadata.generation };
      const status = { replicas, readyReplicas: replicas, updatedReplicas: replicas, ...observed };
      const { status: code } = await kube().request('PUT', `${inSystem}/${path}/status`, { ...object, status });
      expect(code).toBe(200);
    }
  }

  /** Nobody listens behind the webhooks here, and a test writes what they would be asked about. */
  async function withoutWebhooks(): Promise<void> {
    await kube().kubectl(['delete', 'validatingwebhookconfiguration,mutatingwebhookconfiguration', 'coffre']);
  }

  const madeOf = (out: string) => out.split('\n').filter((line) => line.endsWith(': made'));
  const admissionPath = '/apis/admissionregistration.k8s.io/v1';
  const webhookCodes = () =>
    Promise.all(
      ['mutating', 'validating'].map(async (kind) => {
        const { status } = await kube().request('GET', `${admissionPath}/${kind}webhookconfigurations/coffre`);
        return status;
      }),
    );

  describe('what stands in the way is told before anything is written', () => {
    test('an API server that is not there, and a kubeconfig that is none', async () => {
      const nowhere = await fileOf('{}');
      expect(await coffre(['install'], nowhere)).toMatchObject({
        code: 2,
        err: expect.stringContaining('names no cluster'),
      });
      expect(await coffre(['install'], join(kube().folder, 'none'))).toMatchObject({ code: 2 });
    });

    test('somebody without rights is told each kind that they may not write', async () => {
      const { kubeconfig } = await kube().newUser('eve');
      const { out, err, code } = await coffre(['install'], kubeconfig);
      expect({ out, code }).toEqual({ out: '', code: 1 });
      expect(err).toContain('clusterroles.rbac.authorization.k8s.io: you may not get, create, patch them');
      expect(err).toContain('statefulsets.apps: you may not get, create, patch them in `coffre-system`');
    });

    test('a definition of the same name that is somebody else’s', async () => {
      const name = 'drills.coffre.dev';
      const schema = { openAPIV3Schema: { type: 'object' } };
      const definition = {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name },
        spec: {
          group: 'coffre.dev',
          scope: 'Namespaced',
          names: { kind: 'Drill', plural: 'drills' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      };
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      expect((await kube().request('POST', path, definition)).status).toBe(201);
      const { out, err, code } = await coffre(['install', '--timeout', '0']);
      expect({ out, code }).toEqual({ out: '', code: 1 });
      expect(err).toContain(`CustomResourceDefinition/${name}: somebody else’s object has this name`);
      await kube().kubectl(['delete', 'crd', name]);
    });

    test('a namespace that is being deleted', async () => {
      // Of this test alone: nobody finishes a deletion here, and this finalizer is taken off again.
      const metadata = { name: 'coffre-system' };
      await kube().request('POST', '/api/v1/namespaces', { metadata });
      await kube().request('DELETE', '/api/v1/namespaces/coffre-system');
      const { err, code } = await coffre(['install', '--timeout', '0']);
      expect({ err, code }).toEqual({
        err: expect.stringContaining('Namespace/coffre-system: it is being deleted'),
        code: 1,
      });
      const { body } = await kube().request('GET', '/api/v1/namespaces/coffre-system');
      await kube().request('PUT', '/api/v1/namespaces/coffre-system/finalize', {
        ...(body as object),
        spec: { finalizers: [] },
      });
    });
  });

  test('without a Mesh nobody is served, which is told at once', async () => {
    const { err, code } = await coffre(['install']);
    expect({ err, code }).toEqual({ err: expect.stringContaining('Mesh/default: there is none'), code: 1 });
    expect(await webhookCodes()).toEqual([404, 404]);
  });

  test('while nobody is ready to answer, no webhook is written that everybody would wait for', async () => {
    const { out, err, code } = await coffre([
      'install',
      '-f',
      await fileOf('trustDomain: mesh.example'),
      '--timeout',
      '1',
    ]);
    expect(code).toBe(1);
    expect(err).toContain('StatefulSet/coffre: it was not ready in time; the webhooks were not written');
    expect(out).toContain('Mesh/default: made');
    expect(await webhookCodes()).toEqual([404, 404]);
  });

  test('webhooks that nobody answers behind are taken away again, and why is told', async () => {
    await ready();
    const { out, err, code } = await coffre(['install', '--timeout', '3']);
    expect({ code, made: madeOf(out) }).toEqual({ code: 1, made: webhooks.map((name) => `${name}: made`) });
    expect(err).toMatch(/the webhooks: the API server gets no answer from them: .*; they were taken away again/);
    expect(await webhookCodes()).toEqual([404, 404]);
  });

  test('the same again changes nothing, webhooks included where nobody waits to see them answered', async () => {
    const values = ['-f', await fileOf('trustDomain: mesh.example'), '--timeout', '0'];
    const first = await coffre(['install', ...values]);
    expect(first).toMatchObject({ code: 0 });
    expect(madeOf(first.out)).toEqual(webhooks.map((name) => `${name}: made`));
    const versions = await versionsOf();
    const again = await coffre(['install', ...values]);
    expect(
      again.out
        .trimEnd()
        .split('\n')
        .filter((line) => !line.endsWith(': as it was')),
    ).toEqual([]);
    expect(await versionsOf()).toEqual(versions);
  });

  test('what the control plane wrote into a webhook is left there by the next installation', async () => {
    const path = `${admissionPath}/validatingwebhookconfigurations/coffre`;
    const { body } = await kube().request('GET', path);
    const configuration = body as { webhooks: { clientConfig: { caBundle?: string } }[] };
    const { status: code } = await kube().request('PUT', path, {
      ...configuration,
      webhooks: configuration.webhooks.map((webhook) => ({
        ...webhook,
        clientConfig: { ...webhook.clientConfig, caBundle: Buffer.from(kube().authority).toString('base64') },
      })),
    });
    expect(code).toBe(200);
    await coffre(['install', '--timeout', '0']);
    const after = (await kube().request('GET', path)).body as typeof configuration;
    expect(after.webhooks.every(({ clientConfig }) => clientConfig.caBundle !== undefined)).toBe(true);
  });

  test('the webhooks are vouched for by the mesh’s root, where the control plane wrote it down', async () => {
    const root = { metadata: { name: 'coffre-mesh' }, data: { 'root.crt': kube().authority } };
    await kube().request('POST', '/api/v1/namespaces/coffre-system/configmaps', root);
    await withoutWebhooks();
    await coffre(['install', '--timeout', '0']);
    const path = `${admissionPath}/mutatingwebhookconfigurations/coffre`;
    const { webhooks: each } = (await kube().request('GET', path)).body as { webhooks: { clientConfig: object }[] };
    const caBundle = Buffer.from(kube().authority).toString('base64');
    expect(each.map(({ clientConfig }) => clientConfig)).toEqual(each.map(() => expect.objectContaining({ caBundle })));
  });

  test('other values change what they speak of, and nothing else', async () => {
    const { out, code } = await coffre([
      'install',
      '--timeout',
      '0',
      '-f',
      await fileOf('authz: { replicas: 5 }\nlogLevel: debug'),
    ]);
    expect(code).toBe(0);
    const changed = out.split('\n').filter((line) => line.endsWith(': changed'));
    expect(changed).toEqual(['StatefulSet/coffre: changed', 'Deployment/coffre-authz: changed']);
  });

  test('what cannot be changed in place is told with the way to do it', async () => {
    const { err, code } = await coffre([
      'install',
      '--timeout',
      '0',
      '-f',
      await fileOf('evidence: { kind: ephemeral }'),
    ]);
    expect(code).toBe(1);
    expect(err).toContain('StatefulSet/coffre: the API server answered 422');
    expect(err).toContain('--cascade=orphan');
  });

  test('restricted Pod Security takes the pods of both workloads, and refuses them with one privilege more', async () => {
    for (const path of workloads) {
      const { body } = await kube().request('GET', `${inSystem}/${path}`);
      const { template } = (body as { spec: { template: { metadata: object; spec: PodSpec } } }).spec;
      const name = path.replace('/', '-');
      const claims = [{ name: 'state', emptyDir: {} }];
      const spec = {
        ...template.spec,
        volumes: [...template.spec.volumes.filter((v) => v.name !== 'state'), ...claims],
      };
      const podOf = (over: object) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...template.metadata, name },
        spec: { ...spec, containers: spec.containers.map((each) => ({ ...each, ...over })) },
      });
      const pods = '/api/v1/namespaces/coffre-system/pods?dryRun=All';
      const refused = await kube().request('POST', pods, podOf({ securityContext: { privileged: true } }));
      expect(refused).toMatchObject({
        status: 403,
        body: { message: expect.stringContaining('violates PodSecurity "restricted') },
      });
      expect((await kube().request('POST', pods, podOf({}))).status).toBe(201);
    }
  });

  test('a budget keeps all replicas but one where a node is emptied', async () => {
    const { stdout } = await kube().kubectl(['get', 'pdb', '-n', 'coffre-system', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: { metadata: { name: string }; spec: object }[] };
    expect(items.map(({ metadata, spec }) => [metadata.name, spec])).toEqual(
      ['coffre', 'coffre-authz'].map((name) => [
        name,
        { maxUnavailable: 1, selector: { matchLabels: { 'app.kubernetes.io/name': name } } },
      ]),
    );
  });

  test('the namespace of a tenant that would refuse every injected pod is told', async () => {
    await withoutWebhooks();
    const enforce = (level: string) => ({ 'pod-security.kubernetes.io/enforce': level });
    for (const [name, labels] of [
      ['shut', enforce('baseline')],
      ['open', enforce('privileged')],
      ['plain', {}],
    ] as const) {
      await write(kube(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }, tenant(name));
    }
    await write(kube(), {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'nobody', labels: enforce('restricted') },
    });
    const { err, code } = await coffre(['install', '--timeout', '0']);
    expect(code).toBe(1);
    const told = err.split('\n').filter((line) => line.includes('Namespace/'));
    expect(told).toEqual([expect.stringMatching(/Namespace\/shut:1: .*`baseline`.*; set it to `privileged`/)]);
  });

  describe('an uninstallation', () => {
    test('it says what each tenant loses, and does nothing before it is told to', async () => {
      await withoutWebhooks();
      const metadata = { namespace: 'open', name: 'web', labels: { 'coffre.dev/revision': 'default' } };
      const containers = [{ name: 'web', image: 'web:1' }];
      const grant = { from: { tenant: 'plain' }, to: { service: 'web' }, reason: 'to see it counted' };
      const apiVersion = 'coffre.dev/v1alpha1';
      await write(
        kube(),
        { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers } },
        { apiVersion, kind: 'Grant', metadata: { namespace: 'open', name: 'web' }, spec: grant },
      );
      const before = await versionsOf();
      const { out, err, code } = await coffre(['uninstall']);
      expect({ out, code }).toEqual({ out: '', code: 1 });
      expect(err).toMatch(/^tenant {2}pods with a sidecar {2}objects nobody reads$/m);
      expect(err).toMatch(/^open +1 +1$/m);
      expect(err).toMatch(/^plain +0 +0$/m);
      expect(err).toContain('--yes-remove-the-mesh');
      expect(await versionsOf()).toEqual(before);
    });

    test('it takes the webhooks away first, and leaves what people wrote and the keys', async () => {
      await coffre(['install', '--timeout', '0']);
      const secret = { metadata: { name: 'key', labels: { 'app.kubernetes.io/part-of': 'coffre' } } };
      await kube().request('POST', '/api/v1/namespaces/coffre-system/secrets', secret);
      const { out, code } = await coffre(['uninstall', '--yes-remove-the-mesh']);
      expect(code).toBe(0);
      expect(out.split('\n').slice(0, 2).toSorted()).toEqual(webhooks.map((name) => `${name}: removed`));
      expect(await webhookCodes()).toEqual([404, 404]);
      const { stdout } = await kube().kubectl(['get', 'ns/coffre-system', 'mesh/default', 'tenant/open', '-o', 'name']);
      expect(stdout.trim().split('\n')).toHaveLength(3);
      expect((await kube().request('GET', '/api/v1/namespaces/coffre-system/secrets/key')).status).toBe(200);
      expect(await coffre(['uninstall', '--yes-remove-the-mesh'])).toMatchObject({ out: '', code: 0 });
    });

    test('definitions and namespace go where that is said', async () => {
      const { out, code } = await coffre([
        'uninstall',
        '--yes-remove-the-mesh',
        '--also-definitions',
        '--also-namespace',
      ]);
      expect(code).toBe(0);
      expect(out).toContain('Namespace/coffre-system: removed');
      expect(out).toContain('CustomResourceDefinition/tenants.coffre.dev: removed');
    });
  });

  /** Of every object of the installation. */
  async function versionsOf(): Promise<readonly string[]> {
    const args = installation(defaultValues).map(
      ({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.namespace] as const,
    );
    const versions: string[] = [];
    for (const [name, namespace = 'default'] of args) {
      const { stdout } = await kube().kubectl([
        'get',
        name,
        '-n',
        namespace,
        '-o',
        'jsonpath={.metadata.resourceVersion}',
      ]);
      versions.push(`${name} ${stdout}`);
    }
    return versions;
  }
});

interface PodSpec {
  readonly volumes: readonly { readonly name: string }[];
  readonly containers: readonly object[];
}
