/** What somebody is told who opens more of a tenant's network than the mesh does, and how an operator has it refused. */
import { beforeAll, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { networkAdmissionPolicies } from '../../../src/kube/network-policies/admission-policies.ts';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import type { User } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';

/** Longest wait for a policy to bite, in ms. */
const longMs = 60_000;
const warning = 'NetworkPolicies are a union';

whereKube('a NetworkPolicy beside the mesh’s own', (kube) => {
  let shop = '';
  let plain = '';
  let editor: User;

  const apply = (object: object, as?: User) =>
    kube.kubectl(['apply', '-f', '-'], { input: stringify(object), ...(as && { as }) });
  const policy = (namespace: string, name: string, spec: object) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace, name },
    spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec },
  });

  /** One that was not there before. */
  let others = 0;
  const another = (spec: object) => {
    others += 1;
    return apply(policy(shop, `another-${others}`, spec), editor);
  };

  beforeAll(async () => {
    [shop, plain] = [await kube.newNamespace('opened'), await kube.newNamespace('no-tenant')];
    editor = await kube.newUser(`editor-of-${shop}`);
    for (const namespace of [shop, plain]) {
      const role = ['create', 'role', 'writes', '--verb=*', '--resource=networkpolicies.networking.k8s.io'];
      await kube.kubectl([...role, '-n', namespace]);
      const binding = ['create', 'rolebinding', 'writes', '--role=writes', `--user=${editor.name}`];
      await kube.kubectl([...binding, '-n', namespace]);
    }
    const tenant = { apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', metadata: { name: shop } };
    for (const each of [{ ...tenant, spec: { environment: 'test' } }, ...networkAdmissionPolicies]) {
      expect(await apply(each)).toMatchObject({ code: 0 });
    }
    // It bites a moment after it was written.
    await vi.waitFor(async () => expect((await another({ ingress: [{}] })).stderr).toContain(warning), longMs);
    return () => kube.kubectl(['delete', 'tenant.coffre.dev', shop]);
  }, 2 * longMs);

  test('is written, and whoever writes it hears what it opens, and of which tenant', async () => {
    const { code, stderr } = await apply(policy(shop, 'opens', { ingress: [{}] }), editor);
    expect([code, stderr]).toEqual([0, expect.stringMatching(new RegExp(`^Warning: .*${warning}.*\`${shop}\``))]);
    expect((await apply(policy(shop, 'leads-out', { egress: [{}] }), editor)).stderr).toContain(warning);
  });

  test('is nobody’s business where it opens nothing, where there is no tenant, and where the mesh wrote it', async () => {
    const none = { code: 0, stderr: '' };
    expect(await apply(policy(shop, 'closes', {}), editor)).toMatchObject(none);
    expect(await apply(policy(plain, 'opens', { ingress: [{}] }), editor)).toMatchObject(none);
    const spec = policy(shop, 'of-the-mesh', { ingress: [{}] });
    const asUs = [
      'apply',
      '-f',
      '-',
      `--as=system:serviceaccount:${systemNamespace}:coffre`,
      '--as-group=system:masters',
    ];
    expect(await kube.kubectl(asUs, { input: stringify(spec) })).toMatchObject(none);
  });

  test('is refused where an operator binds the same policy to refuse it, and can be labelled and deleted still', async () => {
    await apply(policy(shop, 'stands', { ingress: [{}] }), editor);
    const name = `refuse-openings-of-${shop}`;
    const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': shop } };
    await apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name },
      spec: {
        policyName: networkAdmissionPolicies[0]?.metadata.name,
        validationActions: ['Deny'],
        paramRef: { selector: {}, parameterNotFoundAction: 'Allow' },
        matchResources: { namespaceSelector },
      },
    });
    await vi.waitFor(async () => expect((await another({ egress: [{}] })).code).not.toBe(0), longMs);
    const { stderr } = await apply(policy(shop, 'refused', { ingress: [{}] }), editor);
    expect(stderr).toContain(`denied request: ${warning}`);
    const labelled = await kube.kubectl(['label', 'networkpolicy', 'stands', 'seen=yes', '-n', shop], { as: editor });
    const deleted = await kube.kubectl(['delete', 'networkpolicy', 'stands', '-n', shop], { as: editor });
    expect([labelled.code, deleted.code]).toEqual([0, 0]);
    await kube.kubectl(['delete', 'validatingadmissionpolicybinding', name]);
  });
});
