/** The certificate authority of replicas that share Secrets, against a real API server, with the rights they ask for and no more. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Authority } from '../../../src/identity/authority.ts';
import { openAuthority } from '../../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import { type KubeClient, openKubeClient } from '../../../src/kube/kube-client.ts';
import { secretNamespaceRules } from '../../../src/kube/secrets/state-secret.ts';
import { StateSecrets } from '../../../src/kube/secrets/state-secrets.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';

const trustDomain = 'mesh.example';
const rolesPath = `/apis/rbac.authorization.k8s.io/v1/namespaces/${systemNamespace}`;
const secretsPath = `/api/v1/namespaces/${systemNamespace}/secrets`;
const tenants = ['shop', 'bank', 'post'];
const wanted = {
  tenants,
  spiffeIds: [`spiffe://${trustDomain}/ns/shop/sa/cart`],
  leafLifetimeMs: 3_600_000,
};
const startMs = 60_000;

interface Replica {
  readonly authority: Authority;
  readonly changed: string[];
}

whereKube('the state in secrets', () => {
  let kube: Kube;
  let client: KubeClient;
  let folder: string;
  const opened: StateSecrets[] = [];

  beforeAll(async () => {
    // Of its own: the Secrets of a mesh have the same names in every test.
    const cluster = await startKube();
    kube = connectKube(cluster);
    folder = await mkdtemp(join(tmpdir(), 'coffre-replicas-'));
    await kube.request('POST', '/api/v1/namespaces', { metadata: { name: systemNamespace } });
    const { name, kubeconfig } = await kube.newUser('coffre');
    await kube.request('POST', `${rolesPath}/roles`, { metadata: { name }, rules: secretNamespaceRules });
    await kube.request('POST', `${rolesPath}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'User', name }],
    });
    client = openKubeClient({ kind: 'kubeconfig', file: kubeconfig });
    return async () => {
      await client.close();
      await kube.close();
      await cluster.stop();
      await rm(folder, { recursive: true });
    };
  }, startMs);
  afterEach(async () => {
    for (const each of opened.splice(0)) each.close();
    await kube.request('DELETE', secretsPath);
  });

  /** A replica with a new volume. */
  async function start(leads = false): Promise<Replica> {
    const changed: string[] = [];
    let authority: Authority | undefined;
    const records = await StateSecrets.open({
      ...{ client, keyFile: undefined, entropy: systemPorts.entropy, troubled: () => undefined },
      signal: new AbortController().signal,
      changed(record) {
        changed.push(record);
        authority?.recordChanged(record);
      },
    });
    opened.push(records);
    const stateFolder = await mkdtemp(join(folder, 'replica-'));
    authority = await openAuthority({
      ...{ records, stateFolder, trustDomain, ports: systemPorts, leads: () => leads },
    });
    return { authority, changed };
  }

  const namesOfSecrets = async () => {
    const { body } = await kube.request('GET', secretsPath);
    const { items } = body as { readonly items: { readonly metadata: { readonly name: string } }[] };
    return items.map(({ metadata }) => metadata.name);
  };

  test.for(Array.from({ length: 10 }, (_, race) => race + 1))(
    'two replicas that start at the same moment on an empty cluster have one root and one CA a tenant (race %i)',
    async () => {
      const [one, other] = await Promise.all([start(), start()]);
      const results = await Promise.all([one, other].map(({ authority }) => authority.ensure(wanted)));
      expect(results.flatMap(({ failures }) => failures)).toEqual([]);
      expect(one.authority.rootPem).toBe(other.authority.rootPem);
      for (const tenant of [...tenants, systemNamespace]) {
        expect(one.authority.bundlePem(tenant)).toBeDefined();
        expect(one.authority.bundlePem(tenant)).toBe(other.authority.bundlePem(tenant));
      }
      expect(await namesOfSecrets()).toEqual([
        'coffre-seal-key',
        'coffre-state.control-plane',
        'coffre-state.mesh',
        'coffre-state.root',
        'coffre-state.tenants',
        ...['bank', systemNamespace, 'post', 'shop'].map((tenant) => `coffre-state.tenants.${tenant}`),
      ]);
    },
  );

  test('a rotation that one replica begins, turns and ends is followed by the other, step by step', async () => {
    const [leader, follower] = [await start(true), await start()];
    for (const { authority } of [leader, follower]) await authority.ensure(wanted);
    const known = ({ authority }: typeof leader) => [authority.rotations(), authority.bundlePem('shop')];
    // What is heard first may be of a step before.
    const follow = async () => {
      const look = async () => {
        expect((await follower.authority.ensure(wanted)).failures).toEqual([]);
        return known(follower);
      };
      await expect.poll(look, { timeout: startMs }).toEqual(known(leader));
      expect(follower.changed).toContain('tenants/shop');
    };
    const before = leader.authority.bundlePem('shop');
    await leader.authority.beginRotation('shop');
    await follow();
    for (const step of ['trusted', 'used', 'dropped']) {
      const [rotation] = leader.authority.rotations();
      if (rotation?.step !== step) throw new Error(`the rotation is at \`${rotation?.step}\`, not at \`${step}\``);
      await leader.authority.ensure(wanted);
      expect(await leader.authority.advanceRotation(rotation)).toBe(true);
      await follow();
    }
    expect(follower.authority.rotations()).toEqual([]);
    expect(follower.authority.bundlePem('shop')).not.toBe(before);
  });

  test('FLT-34 a step that another replica took meanwhile is not taken again, and is seen', async () => {
    const [one, other] = [await start(true), await start(true)];
    for (const { authority } of [one, other]) await authority.ensure(wanted);
    await one.authority.beginRotation('shop');
    expect(await other.authority.beginRotation('shop')).toMatchObject({ kind: 'refused' });
    expect(other.authority.rotations()).toEqual(one.authority.rotations());
    const [seenByOther] = other.authority.rotations();
    await one.authority.abortRotation('shop');
    expect(seenByOther && (await other.authority.advanceRotation(seenByOther))).toBe(false);
    expect(other.authority.rotations()).toEqual(one.authority.rotations());
  });

  test('FLT-35 replicas that lost their volumes find the same authority, and issue from it', async () => {
    const before = await start();
    await before.authority.ensure(wanted);
    for (const each of opened.splice(0)) each.close();
    const after = await start();
    expect((await after.authority.ensure(wanted)).failures).toEqual([]);
    expect(after.authority.rootPem).toBe(before.authority.rootPem);
    expect(after.authority.bundlePem('shop')).toBe(before.authority.bundlePem('shop'));
    const { token } = await before.authority.tokens.mintToken({ workload: 'shop/cart', serviceAccount: 'cart' });
    expect(await after.authority.tokens.verifyToken(token)).toMatchObject({ kind: 'ok' });
  });

  test('FLT-35 what kubectl has read of them is a backup, and puts the same authority back', async () => {
    const before = await start();
    await before.authority.ensure(wanted);
    for (const each of opened.splice(0)) each.close();
    const selected = ['secret', `--namespace=${systemNamespace}`, '--selector=app.kubernetes.io/part-of=coffre'];
    const { stdout } = await kube.kubectl(['get', ...selected, '--output=yaml']);
    // As docs/kubernetes/state.md has `grep -vE` do it.
    const backup = stdout.replaceAll(/^ {4}(uid|resourceVersion|creationTimestamp):.*\n/gm, '');
    expect((await kube.kubectl(['delete', ...selected])).code).toBe(0);
    expect(await kube.kubectl(['apply', '--server-side', '--filename=-'], { input: backup })).toMatchObject({
      code: 0,
      stderr: '',
    });
    const after = await start();
    expect((await after.authority.ensure(wanted)).failures).toEqual([]);
    expect(after.authority.rootPem).toBe(before.authority.rootPem);
    expect(after.authority.bundlePem('shop')).toBe(before.authority.bundlePem('shop'));
  });

  test('a write whose answer was lost is known to be done, and is not taken for another replica’s', async () => {
    let isLost = false;
    const losing: KubeClient = {
      ...client,
      async send(request, signal) {
        const answer = await client.send(request, signal);
        if (!isLost || request.method !== 'PUT') return answer;
        isLost = false;
        throw new Error('the connection was cut');
      },
    };
    const records = await StateSecrets.open({
      ...{
        client: losing,
        keyFile: undefined,
        entropy: systemPorts.entropy,
        changed: () => undefined,
        troubled: () => undefined,
        signal: new AbortController().signal,
      },
    });
    opened.push(records);
    expect(await records.create('tenants/shop', { step: 1 })).toBe(true);
    isLost = true;
    expect(await records.replace('tenants/shop', { step: 2 })).toBe(true);
    expect(isLost).toBe(false);
    expect(await records.replace('tenants/shop', { step: 3 })).toBe(true);
    expect(await records.read('tenants/shop')).toEqual({ step: 3 });
  });

  test('a record that another replica has replaced is not written over, until it was read', async () => {
    const open = async () => {
      const records = await StateSecrets.open({
        ...{
          client,
          keyFile: undefined,
          entropy: systemPorts.entropy,
          changed: () => undefined,
          troubled: () => undefined,
          signal: new AbortController().signal,
        },
      });
      opened.push(records);
      return records;
    };
    const [one, other] = [await open(), await open()];
    expect(await one.create('tenants/shop', { by: 'one' })).toBe(true);
    expect(await other.create('tenants/shop', { by: 'other' })).toBe(false);
    await other.read('tenants/shop');
    expect(await other.replace('tenants/shop', { by: 'other' })).toBe(true);
    expect(await one.replace('tenants/shop', { by: 'one, late' })).toBe(false);
    expect(await one.read('tenants/shop')).toEqual({ by: 'other' });
    expect(await one.replace('tenants/shop', { by: 'one' })).toBe(true);
  });

  test('a root that is gone is told by its name, and no other is made', async () => {
    await start();
    await kube.request('DELETE', `${secretsPath}/coffre-state.root`);
    await expect(start()).rejects.toMatchObject({ code: 'record-missing', message: expect.stringContaining('`root`') });
    expect(await namesOfSecrets()).not.toContain('coffre-state.root');
  });

  test('a sealing key that is gone is told by its name, and no other is made', async () => {
    await start();
    await kube.request('DELETE', `${secretsPath}/coffre-seal-key`);
    await expect(start()).rejects.toMatchObject({
      code: 'seal-key-missing',
      message: expect.stringContaining(`${systemNamespace}/coffre-seal-key`),
    });
    expect(await namesOfSecrets()).not.toContain('coffre-seal-key');
  });

  test('one tenant’s CA in the place of another’s is damaged, and the Secret is named', async () => {
    const { authority } = await start();
    await authority.ensure(wanted);
    const { body } = await kube.request('GET', `${secretsPath}/coffre-state.tenants.shop`);
    const { data } = body as { readonly data: object };
    const bank = (await kube.request('GET', `${secretsPath}/coffre-state.tenants.bank`)).body as object;
    await kube.request('PUT', `${secretsPath}/coffre-state.tenants.bank`, { ...bank, data });
    const { failures } = await (await start()).authority.ensure(wanted);
    expect(failures).toMatchObject([
      {
        name: 'tenants/bank',
        cause: { code: 'damaged', message: expect.stringContaining('coffre-state.tenants.bank') },
      },
    ]);
  });

  test('a CA that is taken away while it is in use is told again and again, and stays in use; and no replica that comes makes another', async () => {
    const { authority, changed } = await start();
    await authority.ensure(wanted);
    const before = authority.bundlePem('shop');
    await kube.request('DELETE', `${secretsPath}/coffre-state.tenants.shop`);
    await expect.poll(() => changed, { timeout: startMs }).toContain('tenants/shop');
    for (const _time of [1, 2]) {
      expect((await authority.ensure(wanted)).failures).toMatchObject([
        { name: 'tenants/shop', cause: { code: 'record-missing' } },
      ]);
    }
    expect(authority.bundlePem('shop')).toBe(before);
    expect((await (await start()).authority.ensure(wanted)).failures).toMatchObject([
      { name: 'tenants/shop', cause: { code: 'record-missing', message: expect.stringContaining('backup') } },
    ]);
    expect(await namesOfSecrets()).not.toContain('coffre-state.tenants.shop');
  });
});
