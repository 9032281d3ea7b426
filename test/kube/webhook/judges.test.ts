/** Who judges what by what is known: consents, namespaces, pods of nobody, and what is not known yet. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AdmissionRequest } from '../../../src/kube/admission.ts';
import { approvedByAnnotation } from '../../../src/kube/inject/names.ts';
import { type JudgePorts, judgesOf, type TenantAnswer } from '../../../src/kube/webhook/judges.ts';
import { viewOf } from '../../../src/kube/webhook/mesh-view.ts';
import { webhookPaths as at } from '../../../src/kube/webhook/webhook-configurations.ts';
import { buildSnapshot } from '../../../src/model/build-snapshot.ts';
import { parseDocument } from '../../../src/model/parse-document.ts';
import { mesh, policy, service, tenant } from '../../model/written.ts';
import { applyPatch } from '../inject/apply-patch.ts';
import { podWith, settings } from '../inject/settings.ts';

const controlPlane = JSON.stringify({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'coffre', namespace: 'coffre-system' } },
  spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7', 'fd00::7'], ports: [{ name: 'xds', port: 15_012 }] },
});
const dns = service('kube-system', 'kube-dns', '10.96.0.10', { app: 'dns' });
const whole = [mesh(), tenant('shop'), controlPlane, dns];

interface World {
  readonly texts?: readonly string[];
  readonly tenant?: TenantAnswer;
  readonly images?: { readonly envoyImage?: undefined };
}

function judges({ texts = whole, tenant: answer = 'not-there', images = {} }: World = {}) {
  const objects = texts.flatMap((text) => parseDocument(text, 'mesh.yaml').objects);
  const snapshot = buildSnapshot(objects);
  const ports: JudgePorts = {
    ...{ snapshot: () => snapshot, objects: () => objects, volumes: () => undefined, nowMs: () => 0 },
    ...{ askTenant: async () => answer, sidecarUser: () => 1_900_000_042 },
  };
  return judgesOf(ports, { ...settings, ...images, exempt: ['storage'] });
}

function review(kind: string, change: Partial<AdmissionRequest>): AdmissionRequest {
  return {
    operation: 'CREATE',
    kind: { kind },
    namespace: 'shop',
    name: 'a',
    userInfo: { username: 'ana' },
    ...change,
  };
}

describe('a pod', () => {
  const pod = review('Pod', { object: podWith() });

  test('is injected by what stands in the cluster', async () => {
    const verdict = await judges()[at.inject](pod);
    if (verdict.kind !== 'allowed') throw new Error(JSON.stringify(verdict));
    const text = JSON.stringify(applyPatch(podWith(), verdict.patch));
    for (const told of ['10.96.0.7', '-d 10.96.0.10 --dport 53', '"runAsUser":1900000042'])
      expect(text).toContain(told);
  });

  test.each<[string, World, string]>([
    ['the address of the control plane', { texts: [mesh(), tenant('shop'), dns] }, '`coffre-system/coffre`'],
    ['the address of DNS', { texts: [mesh(), tenant('shop'), controlPlane] }, '`kube-system/kube-dns`'],
    ['the images', { images: { envoyImage: undefined } }, '`--envoy-image`'],
  ])('waits for %s, and is told so', async (_, world, reason) => {
    for (const path of [at.inject, at.pods]) {
      expect(await judges(world)[path](pod)).toEqual({ kind: 'not-ready', reason: expect.stringContaining(reason) });
    }
  });

  test('resolvers that the mesh names do in place of DNS in the cluster', async () => {
    const named = mesh().replace(
      'trustDomain: prod.example',
      'trustDomain: prod.example, dns: {resolvers: [10.0.0.53]}',
    );
    const verdict = await judges({ texts: [named, tenant('shop'), controlPlane] })[at.inject](pod);
    expect(JSON.stringify(verdict)).toContain('-d 10.0.0.53 --dport 53');
  });

  test.each<[TenantAnswer, object]>([
    ['not-there', { kind: 'allowed', patch: [] }],
    ['there', { kind: 'not-ready' }],
    ['unanswered', { kind: 'not-ready' }],
  ])('of a namespace that is nobody’s here, and of whose tenant the API server says `%s`', async (answer, wanted) => {
    for (const path of [at.inject, at.pods]) {
      expect(await judges({ tenant: answer })[path]({ ...pod, namespace: 'new' })).toMatchObject(wanted);
    }
  });
});

describe('a consent', () => {
  const grant = { kind: 'Grant', spec: { from: { tenant: 'billing' } } };
  const signedBy = (name: string) => ({ annotations: { [approvedByAnnotation]: name } });
  const sign = async (change: Partial<AdmissionRequest>) => {
    const request = review('Grant', change);
    const verdict = await judges()[at.consents](request);
    if (verdict.kind !== 'allowed') throw new Error(JSON.stringify(verdict));
    return applyPatch(request.object as never, verdict.patch) as { metadata: { annotations: Record<string, string> } };
  };

  test.each<[string, object, object | undefined, string]>([
    ['is its author’s', {}, undefined, 'ana'],
    ['is its author’s, whoever is named', signedBy('the director'), undefined, 'ana'],
    ['stays whose it was where the spec is the same', signedBy('ana'), { ...grant, metadata: signedBy('bo') }, 'bo'],
    ['becomes whose edit it is', signedBy('bo'), { ...grant, spec: {}, metadata: signedBy('bo') }, 'ana'],
    ['that nobody signed is signed at the next edit', {}, { ...grant, metadata: {} }, 'ana'],
  ])('%s', async (_, metadata, oldObject, wanted) => {
    const operation = oldObject === undefined ? 'CREATE' : 'UPDATE';
    const { metadata: signed } = await sign({ operation, object: { ...grant, metadata }, oldObject });
    expect(signed.annotations[approvedByAnnotation]).toBe(wanted);
  });

  test('keeps its other annotations', async () => {
    const { metadata } = await sign({ object: { ...grant, metadata: { annotations: { team: 'red' } } } });
    expect(metadata.annotations).toEqual({ team: 'red', [approvedByAnnotation]: 'ana' });
  });

  test('with another name than its author’s does not come through, whichever webhook wrote it', async () => {
    const object = { ...grant, metadata: signedBy('bo') };
    expect(await judges()[at.objects](review('Grant', { object }))).toMatchObject({
      ...{ kind: 'refused', problems: [{ path: `metadata.annotations.${approvedByAnnotation}` }] },
    });
  });
});

describe('SEC-46 a namespace', () => {
  const labelled = (labels?: object) => ({ metadata: { name: 'shop', ...(labels && { labels }) } });
  const ask = async (object: unknown, oldObject?: unknown) => {
    const operation = oldObject === undefined ? 'CREATE' : 'UPDATE';
    return (await judges()[at.namespaces](review('Namespace', { operation, object, oldObject }))).kind;
  };

  test('may say what it likes but to us', async () => {
    expect(await ask(labelled({ team: 'red' }))).toBe('allowed');
    expect(await ask(labelled({ 'coffre.dev/inject': 'disabled' }))).toBe('refused');
    expect(await ask(labelled({ 'coffre.dev/inject': 'a' }), labelled())).toBe('refused');
  });

  test('keeps what was there before, and may be rid of it', async () => {
    const before = labelled({ 'coffre.dev/inject': 'disabled' });
    expect(await ask(labelled({ 'coffre.dev/inject': 'disabled', team: 'red' }), before)).toBe('allowed');
    expect(await ask(labelled(), before)).toBe('allowed');
  });
});

test('a tenant has no namespace about which nobody is asked', async () => {
  for (const name of ['storage', 'kube-system', 'coffre-system']) {
    const object = {
      apiVersion: 'coffre.dev/v1alpha1',
      kind: 'Tenant',
      metadata: { name },
      spec: { environment: 'prod' },
    };
    const request = review('Tenant', { name, object });
    expect(await judges()[at.objects](request), name).toMatchObject({ kind: 'refused' });
    expect(
      await judges()[at.objects]({ ...request, name: 'other', object: { ...object, metadata: { name: 'other' } } }),
    ).toMatchObject({
      kind: 'allowed',
    });
  }
});

test('a volume waits until the storage of the cluster is known', async () => {
  expect(await judges()[at.volumes](review('PersistentVolume', {}))).toMatchObject({ kind: 'not-ready' });
});

test('labels that choose pods are those of services and policies, broken ones too, of the namespace alone', () => {
  const texts = [
    service('shop', 'api', '10.96.0.1', { app: 'api' }),
    policy('shop', 'a', 'selector: {matchLabels: {tier: back}}\n  allow: [{}]'),
    policy('shop', 'b', 'selector: {matchLabels: {zone: x}}\n  allow: [{alow: 1}]'),
    policy('billing', 'a', 'selector: {matchLabels: {theirs: x}}\n  allow: [{}]'),
  ];
  const view = viewOf(texts.flatMap((text) => parseDocument(text, 'mesh.yaml').objects));
  expect([...view.selectingLabels('shop')].sort()).toEqual(['app', 'tier', 'zone']);
  expect([...view.selectingLabels('nobody')]).toEqual([]);
});

describe('whatever stands in a review', () => {
  const run = { seed: Number(process.env['COFFRE_SEED']), numRuns: 400 };
  const kind = fc.constantFrom(
    'Pod',
    'Grant',
    'DrillConsent',
    'Tenant',
    'Mesh',
    'Namespace',
    'PersistentVolume',
    'ConfigMap',
  );
  const anything = fc
    .anything({ withNullPrototype: false, maxDepth: 4 })
    .map((value) => JSON.parse(JSON.stringify({ value })).value);
  /** A pod of which one part is something else: what no API server sends, but a reader may have trusted. */
  const brokenPod = fc.record({
    metadata: fc.oneof(anything, fc.record({ labels: anything, annotations: anything })),
    spec: fc.oneof(anything, fc.record({ containers: anything, initContainers: anything, volumes: anything })),
  });
  const object = fc.oneof(anything, brokenPod);
  const known = judges();

  test('each judge says something to it, and the same again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(at)),
        fc.record({
          operation: fc.constantFrom('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
          ...{
            kind: kind.map((text) => ({ kind: text })),
            namespace: fc.constantFrom('shop', 'new'),
            name: fc.string(),
          },
          ...{ subResource: fc.constantFrom('', 'exec', 'ephemeralcontainers'), object, oldObject: object },
          userInfo: fc.record({ username: fc.string() }),
        }),
        async (path, request) => {
          const verdict = await known[path](request);
          expect(['allowed', 'refused', 'not-ready']).toContain(verdict.kind);
          expect(await known[path](request)).toEqual(verdict);
        },
      ),
      run,
    );
  });
});
