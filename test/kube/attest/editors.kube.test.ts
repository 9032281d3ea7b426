/** What an editor of a namespace, by Kubernetes' own role for one, cannot take from a pod: who it is, and the node that is its tenant's alone. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { tokenAdmissionPolicies } from '../../../src/kube/attest/admission-policies.ts';
import { sidecarUsers } from '../../../src/kube/inject/settings.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import type { User } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { account, namespace } from '../inform/cluster-objects.ts';
import { serveInjection } from '../inject/serve-injection.ts';
import { podWith, settings } from '../inject/settings.ts';
import { type RunningPod, runPod, tokenOf } from './attesting.ts';

/** What a controller, which does not run here, puts together to `edit`. */
const partsOfEdit = ['system:aggregate-to-edit', 'system:aggregate-to-view'];
/** Longest wait for a right or a policy to bite, in ms. */
const longMs = 60_000;

whereKube('an editor of a namespace', (kube) => {
  let shop = '';
  let pod: RunningPod;
  let editor: User;
  const closers: (() => Promise<void>)[] = [];

  const kubectl = async (args: readonly string[], as?: User, input = '') => {
    const { stdout, stderr } = await kube.kubectl(args, { ...(as && { as }), input });
    return stdout + stderr;
  };
  const asksFor = (audiences: readonly string[], as?: User, more: readonly string[] = []) =>
    kubectl(
      [
        ...['create', 'token', 'web', '-n', shop, ...audiences.map((audience) => `--audience=${audience}`)],
        ...['--bound-object-kind=Pod', `--bound-object-name=${pod.name}`, `--bound-object-uid=${pod.uid}`, ...more],
      ],
      as,
    );
  const may = (subresource: string) =>
    kubectl(
      [
        'auth',
        'can-i',
        'create',
        ...subresource.split('/', 1),
        `--subresource=${subresource.split('/')[1]}`,
        '-n',
        shop,
      ],
      editor,
    );

  beforeAll(async () => {
    shop = await kube.newNamespace('edited');
    pod = await runPod(kube, shop);
    editor = await kube.newUser(`editor-of-${shop}`);
    for (const part of partsOfEdit) {
      await kubectl(['create', 'rolebinding', part, '-n', shop, `--clusterrole=${part}`, `--user=${editor.name}`]);
    }
    const policies = tokenAdmissionPolicies.map((each) => stringify(each)).join('---\n');
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], undefined, policies);
    closers.push(
      await serveInjection(kube, {
        tenant: shop,
        sidecarUser: () => sidecarUsers.first,
        installation: { ...settings, exempt: [] },
      }),
    );
    await vi.waitFor(async () => expect(await may('serviceaccounts/token')).toBe('yes\n'), longMs);
  }, 2 * longMs);
  afterAll(async () => {
    for (const close of closers) await close();
  });

  test(
    'SEC-37 gets a token of a running pod, but none for us; neither does an administrator, and its node does',
    async () => {
      const reason = 'only the kubelet of a node asks for one; ask for the audience of whom you speak to';
      await vi.waitFor(async () => expect(await asksFor(['coffre'], editor)).toContain(reason), longMs);
      expect(await asksFor(['vault', 'coffre'], editor)).toContain(reason);
      expect(await asksFor(['coffre'])).toContain(reason);
      expect(await asksFor(['coffre'], editor, [`--as=system:node:${pod.node}`])).toContain('cannot impersonate');
      // A name without its group, and the group without such a name.
      expect(await asksFor(['coffre'], undefined, ['--as=system:node:n', '--as-group=system:masters'])).toContain(
        reason,
      );
      expect(
        await asksFor(['coffre'], undefined, ['--as=mallory', '--as-group=system:nodes', '--as-group=system:masters']),
      ).toContain(reason);
      expect(await asksFor(['vault'], editor)).toMatch(/^eyJ/);
      expect(await tokenOf(kube, pod)).toMatch(/^eyJ/);
    },
    longMs,
  );

  test('SEC-37 nobody but a node gets one of a worker’s or a replica’s either', async () => {
    await kube.request('POST', '/api/v1/namespaces', namespace(systemNamespace));
    const accounts = `/api/v1/namespaces/${systemNamespace}/serviceaccounts`;
    await kube.request('POST', accounts, account(systemNamespace, 'coffre-authz'));
    const ask = () => kubectl(['create', 'token', 'coffre-authz', '-n', systemNamespace, '--audience=coffre']);
    await vi.waitFor(async () => expect(await ask()).toContain('only the kubelet of a node'), longMs);
  });

  test(
    'chooses no node by its name and passes by no other tenant’s taint, and binds no pod; a scheduler does',
    async () => {
      const place = async (spec: object, name = 'placed') => {
        const text = stringify({ apiVersion: 'v1', kind: 'Pod', ...podWith({}, spec, { name }) });
        return kubectl(['create', '-n', shop, '-f', '-'], editor, text);
      };
      const dedicatedTo = (value: string) => ({ key: 'coffre.dev/dedicated', operator: 'Equal', value });
      await vi.waitFor(
        async () => expect(await place({ nodeName: pod.node }, 'named')).toContain('names the node `node-of-'),
        longMs,
      );
      expect(await place({ tolerations: [{ operator: 'Exists' }] })).toContain('a toleration without a key');
      expect(await place({ tolerations: [dedicatedTo('bank')] })).toContain('this would be another');
      const fromDaemonSet = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' };
      expect(await place({ tolerations: [fromDaemonSet, dedicatedTo(shop)] })).toContain('pod/placed created');

      const later = JSON.stringify([{ op: 'add', path: '/spec/tolerations/-', value: dedicatedTo('bank') }]);
      expect(await kubectl(['patch', 'pod', 'placed', '-n', shop, '--type=json', '-p', later], editor)).toContain(
        'this would be another',
      );
      expect(await may('pods/binding')).toBe('no\n');
      const bound = await kube.request('POST', `/api/v1/namespaces/${shop}/pods/placed/binding`, {
        ...{ apiVersion: 'v1', kind: 'Binding', metadata: { name: 'placed' } },
        target: { apiVersion: 'v1', kind: 'Node', name: pod.node },
      });
      expect(bound).toMatchObject({ status: 201 });
    },
    longMs,
  );
});
