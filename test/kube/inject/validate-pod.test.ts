/** What may be done to an injected pod afterwards, and by whom. */
import { describe, expect, test } from 'vitest';
import type { AdmissionRequest, Verdict } from '../../../src/kube/admission.ts';
import type { AdmissionContext } from '../../../src/kube/inject/admission-context.ts';
import { injectPod } from '../../../src/kube/inject/inject-pod.ts';
import { mutatePod } from '../../../src/kube/inject/mutate-pod.ts';
import type { Pod } from '../../../src/kube/inject/pod.ts';
import { validatePod } from '../../../src/kube/inject/validate-pod.ts';
import { applyPatch } from './apply-patch.ts';
import { podWith, restricted, settings, shop } from './settings.ts';

const context: AdmissionContext = {
  settings,
  tenantOf: (namespace) => (namespace === 'shop' ? 'shop' : undefined),
  selectingLabels: () => new Set(['app']),
  isWelcome: (host, guest) => host === guest || host === 'generous',
  sidecarUser: shop.sidecarUser,
};
const alice = { username: 'alice' };
const caretaker = { username: 'system:serviceaccount:coffre-system:coffre' };

const before = injectedPod(podWith({}, {}, { namespace: 'shop', labels: { app: 'web', mood: 'calm' } }));

function injectedPod(pod: Pod): Pod {
  const injection = injectPod(pod, settings, shop);
  if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
  return structuredClone(injection.pod);
}

function says(verdict: Verdict): string[] {
  return verdict.kind === 'allowed' ? [] : verdict.problems.map(({ code, path }) => `${code} ${path}`);
}

const kind = { kind: 'Pod' };

function ask(change: Partial<AdmissionRequest>): string[] {
  return says(
    validatePod(
      { operation: 'UPDATE', kind, namespace: 'shop', name: 'web-0', userInfo: alice, oldObject: before, ...change },
      context,
    ),
  );
}

function edited(
  edit: (pod: { metadata: Required<NonNullable<Pod['metadata']>>; spec: Required<Pod['spec']> }) => void,
): Pod {
  const pod = structuredClone(before);
  edit(pod as never);
  return pod;
}

const setImage = (name: string, image: string) =>
  edited(({ spec }) => {
    for (const container of [...spec.initContainers, ...spec.containers])
      if (container.name === name) container.image = image;
  });

describe('an edit', () => {
  test.each<[string, Pod, string[]]>([
    ['of nothing', before, []],
    ['of the image of the application', setImage('web', 'registry.example/web:2'), []],
    ['of the image of the sidecar', setImage('coffre-sidecar', 'evil'), ['sidecar-changed spec.initContainers']],
    ['of the image of the redirection', setImage('coffre-redirect', 'evil'), ['sidecar-changed spec.initContainers']],
    [
      'of what the sidecar may use',
      edited(({ spec }) => Object.assign(spec.initContainers[1] ?? {}, { resources: {} })),
      ['sidecar-changed spec.initContainers'],
    ],
    [
      'of a label that nobody chooses by',
      edited(({ metadata }) => Object.assign(metadata.labels, { mood: 'wild' })),
      [],
    ],
    [
      'of a label that policy chooses by',
      edited(({ metadata }) => Object.assign(metadata.labels, { app: 'bank' })),
      ['sidecar-changed metadata.labels.app'],
    ],
    [
      'that takes such a label away',
      edited(({ metadata }) => void delete metadata.labels['app']),
      ['sidecar-changed metadata.labels.app'],
    ],
    [
      'of our label',
      edited(({ metadata }) => Object.assign(metadata.labels, { 'coffre.dev/revision': 'r0' })),
      ['sidecar-changed metadata.labels.coffre.dev/revision'],
    ],
    [
      'that adds a wish too late',
      edited(({ metadata }) => Object.assign(metadata.annotations, { 'coffre.dev/capture': 'explicit' })),
      ['sidecar-changed metadata.annotations.coffre.dev/capture'],
    ],
    ['of an annotation of theirs', edited(({ metadata }) => Object.assign(metadata.annotations, { note: 'x' })), []],
  ])('%s', (_name, object, wanted) => {
    expect(ask({ object })).toEqual(wanted);
    expect(ask({ object, subResource: 'resize' })).toEqual(wanted);
    expect(ask({ object, userInfo: caretaker })).toEqual([]);
    expect(ask({ object, namespace: 'elsewhere' })).toEqual([]);
  });
});

describe('a guest', () => {
  const guest = { name: 'debugger', image: 'busybox', securityContext: restricted };
  const at = 'sidecar-bypass spec.ephemeralContainers[0]';
  test.each<[string, object, string[]]>([
    ['that has no more than an application', { targetContainerName: 'web' }, []],
    [
      'as the user of a sidecar',
      { securityContext: { ...restricted, runAsUser: shop.sidecarUser } },
      [`${at}.securityContext.runAsUser`],
    ],
    [
      'with NET_ADMIN and NET_RAW',
      { securityContext: { ...restricted, capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] } } },
      [`${at}.securityContext.capabilities.add`],
    ],
    [
      'with what a runtime gives by itself',
      { securityContext: { runAsUser: 1_000 } },
      [`${at}.securityContext.capabilities.drop`, `${at}.securityContext.allowPrivilegeEscalation`],
    ],
    ['that looks at the sidecar', { targetContainerName: 'coffre-sidecar' }, [`${at}.targetContainerName`]],
    [
      'that mounts the identity',
      { volumeMounts: [{ name: 'coffre-identity', mountPath: '/x' }] },
      [`${at}.volumeMounts[0].name`],
    ],
  ])('%s', (_name, change, wanted) => {
    const object = { ...before, spec: { ...before.spec, ephemeralContainers: [{ ...guest, ...change }] } };
    expect(ask({ object, subResource: 'ephemeralcontainers' })).toEqual(wanted);
    // Who was let in before is not asked again.
    expect(ask({ object, oldObject: object, subResource: 'ephemeralcontainers' })).toEqual([]);
  });
});

test.each([
  ['exec', 'coffre-sidecar', ['sidecar-bypass container']],
  ['attach', 'coffre-redirect', ['sidecar-bypass container']],
  ['exec', 'web', []],
  ['exec', undefined, []],
])('%s into %s', (subResource, container, wanted) => {
  const object = { kind: 'PodExecOptions', ...(container === undefined ? {} : { container }) };
  expect(ask({ operation: 'CONNECT', subResource, object })).toEqual(wanted);
  expect(ask({ operation: 'CONNECT', subResource, object, userInfo: caretaker })).toEqual([]);
});

describe('a pod that is created', () => {
  const create = (object: unknown) => ask({ operation: 'CREATE', object, oldObject: null });
  test.each<[string, unknown, string[]]>([
    ['as it was injected', before, []],
    [
      'with what the cluster adds',
      edited(({ spec }) => Object.assign(spec, { schedulerName: 'default-scheduler' })),
      [],
    ],
    ['without a sidecar', podWith(), ['sidecar-required spec.initContainers']],
    [
      'with another command in the sidecar',
      edited(({ spec }) => Object.assign(spec.initContainers[1] ?? {}, { command: ['sleep'] })),
      ['sidecar-changed spec'],
    ],
    [
      'with more in the environment of the sidecar',
      edited(({ spec }) => Object.assign(spec.initContainers[1] ?? {}, { envFrom: [] })),
      ['sidecar-changed spec.initContainers'],
    ],
    [
      'with another hook in the sidecar',
      edited(({ spec }) =>
        Object.assign(spec.initContainers[1]?.lifecycle ?? {}, { postStart: { exec: { command: ['sh'] } } }),
      ),
      ['sidecar-changed spec.initContainers'],
    ],
    ['with something before ours', edited(({ spec }) => void spec.initContainers.reverse()), ['sidecar-changed spec']],
    [
      'as a sidecar user of its own choice',
      edited(({ spec }) => Object.assign(spec.initContainers[1]?.securityContext ?? {}, { runAsUser: 1_337 })),
      ['sidecar-required spec.initContainers'],
    ],
    ['that is no pod', { spec: { containers: 'none' } }, ['wrong-type spec.containers']],
  ])('%s', (_name, object, wanted) => {
    expect(create(object)).toEqual(wanted);
  });
});

describe('the place of a pod', () => {
  const at = 'shared-node spec.tolerations[0]';
  const tolerating = (toleration: object) =>
    edited(({ spec }) => Object.assign(spec, { tolerations: [...(spec.tolerations ?? []), toleration] }));
  const dedicated = { key: 'coffre.dev/dedicated', operator: 'Equal', effect: 'NoExecute' };

  test.each<[string, object, string[]]>([
    ['every taint', { operator: 'Exists' }, [at]],
    ['every taint, by an empty key', { key: '', operator: 'Exists', effect: 'NoExecute' }, [at]],
    ['the nodes of every tenant', { key: 'coffre.dev/dedicated', operator: 'Exists' }, [at]],
    ['the nodes of another tenant', { ...dedicated, value: 'bank' }, [at]],
    ['the nodes of another tenant, in another operator', { ...dedicated, operator: 'Gt', value: 'shop' }, [at]],
    ['the nodes of nobody', dedicated, [at]],
    ['the nodes of its own tenant', { ...dedicated, value: 'shop' }, []],
    ['the nodes of its own tenant, by the default operator', { key: 'coffre.dev/dedicated', value: 'shop' }, []],
    ['the nodes of a tenant that shares them with its own', { ...dedicated, value: 'generous' }, []],
    ['a node that is not ready', { key: 'node.kubernetes.io/not-ready', operator: 'Exists' }, []],
  ])('that tolerates %s', (_name, toleration, wanted) => {
    const object = tolerating(toleration);
    expect(ask({ operation: 'CREATE', object, oldObject: null })).toEqual(wanted);
    // Added later it is the same; who had it before is not asked again.
    expect(ask({ object })).toEqual(wanted);
    expect(ask({ object, oldObject: object })).toEqual([]);
    expect(ask({ operation: 'CREATE', object, oldObject: null, userInfo: caretaker })).toEqual([]);
  });

  test('is found by the scheduler, unless a caretaker knows it; a bound pod can be edited', () => {
    const object = edited(({ spec }) => Object.assign(spec, { nodeName: 'node-1' }));
    expect(ask({ operation: 'CREATE', object, oldObject: null })).toEqual(['shared-node spec.nodeName']);
    expect(ask({ operation: 'CREATE', object, oldObject: null, userInfo: caretaker })).toEqual([]);
    expect(ask({ object, oldObject: object })).toEqual([]);
  });

  test('is as little its own choice where it has no sidecar by right', () => {
    const spec = { serviceAccountName: 'node-agent', nodeName: 'node-1', tolerations: [{ operator: 'Exists' }] };
    const object = podWith({}, spec, { annotations: { 'coffre.dev/inject': 'disabled' } });
    expect(ask({ operation: 'CREATE', object, oldObject: null })).toEqual(['shared-node spec.nodeName', at]);
  });
});

describe('the mutating half', () => {
  const request: AdmissionRequest = {
    ...{ operation: 'CREATE', kind, namespace: 'shop', userInfo: alice },
    object: podWith(),
  };

  test('patches a pod into what the validating half lets through', () => {
    const verdict = mutatePod(request, context);
    if (verdict.kind !== 'allowed') throw new Error('refused');
    const object = applyPatch(podWith(), verdict.patch);
    expect(ask({ operation: 'CREATE', object })).toEqual([]);
    expect(mutatePod({ ...request, object }, context)).toEqual({ kind: 'allowed', patch: [] });
  });

  test('leaves alone what is nobody’s, and what is not created', () => {
    for (const change of [{ namespace: 'elsewhere' }, { operation: 'UPDATE' }, { subResource: 'binding' }] as const) {
      expect(mutatePod({ ...request, ...change }, context)).toEqual({ kind: 'allowed', patch: [] });
    }
  });

  test('tells a pod that has no name yet by what its name will begin with', () => {
    const object = { ...podWith({}, { hostPID: true }), metadata: { generateName: 'web-' } };
    const verdict = mutatePod({ ...request, object }, context);
    expect(verdict).toMatchObject({
      problems: [{ where: { file: 'Pod/shop/web-*', line: 1 }, code: 'sidecar-bypass' }],
    });
    expect(says(mutatePod({ ...request, object: { spec: 7 } }, context))).toEqual(['wrong-type spec']);
  });
});
