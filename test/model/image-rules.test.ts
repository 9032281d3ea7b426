/** Which images a pod may be made of to have an identity, where its tenant says so. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { isFrom, readImageReference } from '../../src/model/image-reference.ts';
import { readPublicKey, readStatements } from '../../src/model/signed-image.ts';
import { objectsFrom } from '../fixtures/mesh-from.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const otherDigest = `sha256:${'b'.repeat(64)}`;
const good = `registry.example/shop/web@${digest}`;

const release = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const nightly = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

/** As `cosign sign` makes it. */
function statement(key: KeyObject, of: string, type = 'cosign container image signature') {
  const image = { 'docker-manifest-digest': of };
  const critical = { identity: { 'docker-reference': 'registry.example/shop/web' }, image, type };
  const payload = Buffer.from(JSON.stringify({ critical, optional: null }));
  const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', payload, key);
  return { payload: payload.toString('base64'), signature: signature.toString('base64') };
}

interface Made {
  readonly images?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly status?: object;
}

/** @returns what there is of one pod of a tenant with rules for its images. */
function judged({ images = { registries: ['registry.example/shop'] }, annotations = {}, spec, status = {} }: Made) {
  const tenant = { apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', metadata: { name: 'shop' } };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-0', namespace: 'shop', annotations } };
  const docs = [
    { ...tenant, spec: { environment: 'prod', images } },
    { ...pod, spec, status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }], ...status } },
  ];
  const { workloads, problems } = buildSnapshot(objectsFrom(docs.map((doc) => JSON.stringify(doc)).join('\n---\n')));
  return { hasIdentity: workloads.has('shop/web-0'), problems };
}

const of = (image: string) => ({ containers: [{ name: 'app', image }] });

test('a pod of images from a listed registry, by digest, has an identity', () => {
  expect(judged({ spec: of(good) })).toEqual({ hasIdentity: true, problems: [] });
  expect(judged({ spec: of(`registry.example/shop/web:1.2@${digest}`) }).hasIdentity).toBe(true);
});

test.each([
  ['from another registry', `evil.example/shop/web@${digest}`, /from no registry/],
  ['from a registry that begins alike', `registry.example.evil.example/shop/web@${digest}`, /from no registry/],
  ['from a neighbour that begins alike', `registry.example/shop-2/web@${digest}`, /from no registry/],
  ['of Docker Hub, by its short name', `web@${digest}`, /`docker.io\/library\/web`/],
  ['with a registry’s name in its path', `evil.example/registry.example/shop/web@${digest}`, /from no registry/],
  ['by a tag alone', 'registry.example/shop/web:1.2', /can be moved/],
  ['by nothing', 'registry.example/shop/web', /can be moved/],
  ['by half a digest', 'registry.example/shop/web@sha256:aaaa', /can be read/],
  ['by another kind of digest', `registry.example/shop/web@md5:${'a'.repeat(32)}`, /can be read/],
  ['of a registry that can be none', `registry_x.example/shop/web@${digest}`, /can be read/],
  ['with a way out', `registry.example/shop/../web@${digest}`, /can be read/],
  ['with a scheme', `https://registry.example/shop/web@${digest}`, /can be read/],
  ['with two digests', `${good}@${otherDigest}`, /can be read/],
  ['in capitals', good.toUpperCase(), /can be read/],
  ['with a line of somebody else’s', `${good}\nregistry.example/shop/x@${digest}`, /can be read/],
  ['without a name', '', /can be read/],
])('an image %s takes the identity away, with the container, the rule and the cure', (_, image, message) => {
  const { hasIdentity, problems } = judged({ spec: of(image) });
  expect(hasIdentity).toBe(false);
  expect(problems).toMatchObject([
    {
      ...{ code: 'image-not-allowed', severity: 'error', path: 'spec.containers[0].image' },
      message: expect.stringMatching(message),
      object: { kind: 'Pod', namespace: 'shop', name: 'web-0' },
      advice: expect.stringMatching(/./),
    },
  ]);
  expect(problems[0]?.message).toContain('`app`');
});

test('every container counts: those before it, those beside it, and the guests', () => {
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    const bad = { name: 'bad', image: 'evil.example/miner:latest' };
    const spec = { containers: [{ name: 'app', image: good }] };
    const { hasIdentity, problems } = judged({
      spec: list === 'containers' ? { containers: [...spec.containers, bad] } : { ...spec, [list]: [bad] },
    });
    expect(hasIdentity, list).toBe(false);
    expect(problems.map(({ path }) => path)).toEqual([`spec.${list}[${list === 'containers' ? 1 : 0}].image`]);
  }
});

test('the containers of injection are the installation’s, where injection puts them and nowhere else', () => {
  const ours = [
    { name: 'coffre-redirect', image: 'mesh.example/redirect:1' },
    { name: 'coffre-sidecar', image: 'mesh.example/envoy:1' },
  ];
  expect(judged({ spec: { ...of(good), initContainers: ours } }).hasIdentity).toBe(true);
  expect(judged({ spec: { containers: [...of(good).containers, ...ours] } }).hasIdentity).toBe(false);
  expect(judged({ spec: { ...of(good), ephemeralContainers: ours } }).hasIdentity).toBe(false);
});

test('a pod that says nothing of what it runs has none', () => {
  expect(judged({ spec: {} })).toMatchObject({ hasIdentity: false, problems: [{ path: 'spec.containers' }] });
  expect(judged({ spec: { containers: [{ name: 'app' }] } }).hasIdentity).toBe(false);
});

test('what the node runs is what the pod says, where the node says a digest', () => {
  const status = (imageID: string) => ({ containerStatuses: [{ name: 'app', imageID }] });
  const running = (imageID: string) => judged({ spec: of(good), status: status(imageID) });
  expect(running(good).hasIdentity).toBe(true);
  expect(running(`docker-pullable://${good}`).hasIdentity).toBe(true);
  // The number of a configuration, which some runtimes report, is no digest of what was pulled.
  expect(running(otherDigest).hasIdentity).toBe(true);
  expect(running('').hasIdentity).toBe(true);
  const { hasIdentity, problems } = running(`registry.example/shop/web@${otherDigest}`);
  expect(hasIdentity).toBe(false);
  expect(problems).toMatchObject([{ message: expect.stringContaining('the node says that it runs') }]);
});

describe('where images must be signed', () => {
  const pem = ({ publicKey }: { readonly publicKey: KeyObject }) =>
    String(publicKey.export({ type: 'spki', format: 'pem' }));
  const signedBy = [
    { name: 'release', publicKey: pem(release) },
    { name: 'nightly', publicKey: pem(nightly) },
  ];
  const images = { registries: ['registry.example/shop'], signedBy };
  const carrying = (...statements: readonly unknown[]) => ({
    'coffre.dev/image-signatures': JSON.stringify(statements),
  });
  const withAnnotations = (annotations: Readonly<Record<string, string>>) =>
    judged({ images, annotations, spec: of(good) });

  test('one key of the tenant is enough, on either curve', () => {
    expect(withAnnotations(carrying(statement(release.privateKey, digest))).hasIdentity).toBe(true);
    expect(withAnnotations(carrying(statement(nightly.privateKey, digest))).hasIdentity).toBe(true);
    const besides = carrying(statement(stranger.privateKey, digest), 7, statement(release.privateKey, digest));
    expect(withAnnotations(besides).hasIdentity).toBe(true);
  });

  const signed = statement(release.privateKey, digest);
  test.each([
    ['nothing', {}],
    ['no list', { 'coffre.dev/image-signatures': '{' }],
    ['a key of somebody else', carrying(statement(stranger.privateKey, digest))],
    ['another image', carrying(statement(release.privateKey, otherDigest))],
    ['a statement of another kind', carrying(statement(release.privateKey, digest, 'attestation'))],
    [
      'a signature of something else',
      carrying({ ...signed, signature: statement(release.privateKey, otherDigest).signature }),
    ],
    [
      'a payload of something else',
      carrying({ ...statement(release.privateKey, otherDigest), payload: signed.payload }),
    ],
    ['an empty signature', carrying({ ...signed, signature: '' })],
    ['no text', carrying({ payload: [signed.payload], signature: signed.signature })],
    ['more than is read', carrying(...Array.from({ length: 64 }, () => 0), signed)],
  ])('%s is no signature', (_, annotations) => {
    const { hasIdentity, problems } = withAnnotations(annotations);
    expect(hasIdentity).toBe(false);
    expect(problems).toMatchObject([
      { message: expect.stringContaining('`app`'), advice: expect.stringContaining('`release`, `nightly`') },
    ]);
  });

  test('an author of rubbish is not verified without end, and what comes behind it counts no more', () => {
    const rubbish = statement(stranger.privateKey, digest);
    const after = (count: number) =>
      withAnnotations(carrying(...Array.from({ length: count }, () => rubbish), signed)).hasIdentity;
    expect(after(63)).toBe(true);
    const eight = Array.from({ length: 8 }, (_, index) => ({ name: `key-${index}`, publicKey: pem(release) }));
    const flooded = carrying(...Array.from({ length: 16 }, () => rubbish), signed);
    expect(judged({ images: { ...images, signedBy: eight }, annotations: flooded, spec: of(good) }).hasIdentity).toBe(
      false,
    );
  });

  test('each image needs its own', () => {
    const second = { name: 'other', image: `registry.example/shop/other@${otherDigest}` };
    const spec = { containers: [...of(good).containers, second] };
    const one = carrying(statement(release.privateKey, digest));
    const both = carrying(statement(release.privateKey, digest), statement(nightly.privateKey, otherDigest));
    expect(judged({ images, annotations: one, spec }).problems).toMatchObject([{ path: 'spec.containers[1].image' }]);
    expect(judged({ images, annotations: both, spec }).hasIdentity).toBe(true);
  });

  test('a key that nobody can read signs nothing, and its tenant is told', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    for (const publicKey of ['-----BEGIN PUBLIC KEY-----\nnonsense', pem(rsa), pem(p384)]) {
      const { hasIdentity, problems } = judged({
        images: { ...images, signedBy: [{ name: 'broken', publicKey }] },
        annotations: carrying(statement(p384.privateKey, digest)),
        spec: of(good),
      });
      expect(hasIdentity).toBe(false);
      expect(problems.map(({ code, object }) => `${object?.kind} ${code}`).sort()).toEqual([
        'Pod image-not-allowed',
        'Tenant bad-value',
      ]);
    }
    expect(readPublicKey('')).toBeUndefined();
  });
});

test('no text whatever throws, and what is read is written as it was read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      readStatements(text);
      const reference = readImageReference(text);
      return reference === undefined || isFrom(reference, reference.repository);
    }),
  );
  const name = fc.stringMatching(/^[a-z0-9]{1,8}([.-][a-z0-9]{1,8})?$/);
  fc.assert(
    fc.property(name, fc.array(name, { minLength: 1, maxLength: 3 }), (host, path) => {
      const repository = `${host}.example/${path.join('/')}`;
      expect(readImageReference(`${repository}:tag@${digest}`)).toEqual({ repository, digest });
    }),
  );
});
