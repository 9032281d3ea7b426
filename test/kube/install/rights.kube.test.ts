/** What the accounts of Coffre and the people of a tenant may do, and what they may not, as a real API server judges it. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import type { User } from '../harness/kube.ts';
import { startControllers } from '../harness/start-controllers.ts';
import { grant, write } from '../inform/cluster-objects.ts';
import { whereOwnCluster } from './own-cluster.ts';

/** What nobody ever gives the control plane: each would make it more than a control plane of the mesh. */
const forbidden = [
  'list secrets -A',
  'get secrets -n shop',
  'get secrets -n kube-system',
  'create secrets -n shop',
  'delete secrets -n coffre-system',
  'create pods -n shop',
  'create pods -n coffre-system',
  'delete pods -n shop',
  'patch pods -n shop',
  'create pods --subresource=exec -n shop',
  'create pods --subresource=attach -n shop',
  'create pods --subresource=ephemeralcontainers -n shop',
  'get pods --subresource=log -n shop',
  'create serviceaccounts --subresource=token -n shop',
  'delete namespaces',
  'patch namespaces',
  'patch nodes',
  'create clusterrolebindings',
  'patch clusterroles/coffre',
  'escalate clusterroles',
  'bind clusterroles',
  'impersonate users',
  'impersonate serviceaccounts',
  'create grants -n shop',
  'patch grants -n shop',
  'delete tenants',
  'create validatingwebhookconfigurations',
  'delete validatingwebhookconfigurations/coffre',
  'patch validatingwebhookconfigurations/of-somebody-else',
  'patch customresourcedefinitions',
  'approve signers/kubernetes.io/kube-apiserver-client',
  'sign signers/kubernetes.io/kube-apiserver-client-kubelet',
  'create certificatesigningrequests',
  'update configmaps/of-somebody-else -n shop',
] as const;

whereOwnCluster('rights', ({ kube, coffre }) => {
  let stop: () => Promise<void> = async () => {};
  beforeAll(async () => {
    stop = await startControllers(kube(), ['clusterrole-aggregation-controller']);
    expect(await coffre(['install', '--timeout', '0'])).toMatchObject({ code: 0 });
    // Nobody listens behind them here.
    await kube().kubectl(['delete', 'validatingwebhookconfiguration,mutatingwebhookconfiguration', 'coffre']);
    for (const name of ['shop', 'other']) await kube().request('POST', '/api/v1/namespaces', { metadata: { name } });
  });
  afterAll(() => stop());

  async function account(name: string): Promise<User> {
    const { stdout } = await kube().kubectl(['create', 'token', name, '-n', 'coffre-system']);
    const kubeconfig = join(kube().folder, `${name}.kubeconfig`);
    const cluster = {
      server: kube().url,
      'certificate-authority-data': Buffer.from(kube().authority).toString('base64'),
    };
    const config = {
      clusters: [{ name: 'test', cluster }],
      users: [{ name, user: { token: stdout.trim() } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: name } }],
      'current-context': 'test',
    };
    await writeFile(kubeconfig, stringify({ apiVersion: 'v1', kind: 'Config', ...config }), { mode: 0o600 });
    return { name, kubeconfig };
  }

  async function may(as: User, what: string): Promise<boolean> {
    const { stdout, stderr } = await kube().kubectl(['auth', 'can-i', ...what.split(' ')], { as });
    const said = stdout.trim();
    if (said !== 'yes' && said !== 'no') throw new Error(`${what}: ${said}${stderr}`);
    return said === 'yes';
  }

  test('the control plane may read the mesh and write what says how it is', async () => {
    const as = await account('coffre');
    const wanted = ['list pods -A', 'watch grants -A', 'create tokenreviews', 'update leases -n coffre-system'];
    for (const what of wanted) expect(await may(as, what), what).toBe(true);
  });

  test.each(forbidden)('the control plane may not %s, and neither may a worker', async (what) => {
    expect(await may(await account('coffre'), what)).toBe(false);
    expect(await may(await account('coffre-authz'), what)).toBe(false);
  });

  test('a worker may do nothing that is not free to everybody', async () => {
    const as = await account('coffre-authz');
    const { stdout } = await kube().kubectl(['auth', 'can-i', '--list', '--no-headers', '-n', 'coffre-system'], { as });
    const resources = stdout.split('\n').flatMap((line) => /^([a-z0-9.]+)/.exec(line)?.[1] ?? []);
    expect(new Set(resources)).toEqual(
      new Set([
        'selfsubjectreviews.authentication.k8s.io',
        'selfsubjectaccessreviews.authorization.k8s.io',
        'selfsubjectrulesreviews.authorization.k8s.io',
      ]),
    );
  });

  describe('people', () => {
    async function bound(name: string, clusterRole: string): Promise<User> {
      const user = await kube().newUser(name);
      await kube().kubectl([
        'create',
        'rolebinding',
        name,
        '-n',
        'shop',
        `--clusterrole=${clusterRole}`,
        `--user=${name}`,
      ]);
      return user;
    }

    test('who edits a tenant’s namespace consents for it, and for nobody else', async () => {
      const ada = await bound('ada', 'edit');
      await vi.waitFor(async () => expect(await may(ada, 'create grants -n shop')).toBe(true), { timeout: 30_000 });
      for (const what of [
        'patch accesspolicies -n shop',
        'create drillconsents -n shop',
        'delete trafficpolicies -n shop',
      ]) {
        expect(await may(ada, what), what).toBe(true);
      }
      for (const what of ['create grants -n other', 'create drills -n shop', 'patch meshes', 'create tenants']) {
        expect(await may(ada, what), what).toBe(false);
      }
      const applied = await kube().kubectl(['create', '-f', '-'], {
        as: ada,
        input: stringify(grant('shop', 'by-ada', 'other')),
      });
      expect(applied).toMatchObject({ code: 0 });
    });

    test('who views a namespace sees what is said in it, and changes nothing', async () => {
      const bob = await bound('bob', 'view');
      await write(kube(), grant('shop', 'seen', 'other'));
      await vi.waitFor(async () => expect(await may(bob, 'list grants -n shop')).toBe(true), { timeout: 30_000 });
      expect(await may(bob, 'patch grants -n shop')).toBe(false);
    });

    test('drills are of those who are told so by name', async () => {
      const eve = await bound('eve', 'coffre-drill-operator');
      expect([await may(eve, 'create drills -n shop'), await may(eve, 'create drillconsents -n shop')]).toEqual([
        true,
        false,
      ]);
    });
  });
});
