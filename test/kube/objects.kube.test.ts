/** Single objects, against a real API server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type KubeClient, openKubeClient } from '../../src/kube/kube-client.ts';
import { type KubeObject, KubeObjects } from '../../src/kube/objects.ts';
import { whereKube } from './harness/kube-test.ts';

whereKube('single objects of a cluster', (kube) => {
  const { signal } = new AbortController();
  let client: KubeClient;
  let objects: KubeObjects;
  beforeAll(async () => {
    client = openKubeClient({ kind: 'kubeconfig', file: await kube.adminKubeconfig() });
    objects = new KubeObjects(client, signal);
  });
  afterAll(() => client.close());

  const ofNamespace = async () => ({
    ...{ group: '', version: 'v1', plural: 'configmaps', namespace: await kube.newNamespace() },
  });
  const configMap = (name: string, data: Record<string, string>): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data },
  });

  test('what is made is read, and made twice is a conflict', async () => {
    const of = await ofNamespace();
    expect(await objects.read(of, 'a')).toEqual({ kind: 'missing' });
    // Of a kind that nobody defined an API server says so in plain text.
    const unknown = { group: 'example.com', version: 'v1', plural: 'teapots' };
    expect(await objects.read(unknown, 'a')).toEqual({ kind: 'missing' });
    expect(await objects.create(of, configMap('a', { x: '1' }))).toMatchObject({ kind: 'done' });
    expect(await objects.create(of, configMap('a', { x: '2' }))).toMatchObject({ kind: 'conflict' });
    expect(await objects.read(of, 'a')).toMatchObject({ kind: 'done', object: { data: { x: '1' } } });
  });

  test('a version that is no more the newest is not replaced', async () => {
    const of = await ofNamespace();
    const made = await objects.create(of, configMap('a', { x: '1' }));
    if (made.kind !== 'done') throw new Error(JSON.stringify(made));
    expect(await objects.replace(of, { ...made.object, data: { x: '2' } })).toMatchObject({ kind: 'done' });
    expect(await objects.replace(of, { ...made.object, data: { x: '3' } })).toMatchObject({ kind: 'conflict' });
  });

  test('an apply makes, changes what is ours, and leaves the rest', async () => {
    const of = await ofNamespace();
    expect(await objects.apply(of, configMap('a', { x: '1', y: '1' }))).toMatchObject({ kind: 'done' });
    const patch = { method: 'PATCH', path: `/api/v1/namespaces/${of.namespace}/configmaps/a` } as const;
    const contentType = 'application/merge-patch+json';
    await client.send({ ...patch, contentType, body: { data: { z: '1', x: '9' } } }, signal);
    const applied = await objects.apply(of, configMap('a', { x: '2' }));
    expect(applied).toMatchObject({ kind: 'done', object: { data: { x: '2', z: '1' } } });
    expect(applied).not.toHaveProperty('object.data.y');
  });

  test('only the very object that is meant is removed', async () => {
    const of = await ofNamespace();
    const made = await objects.create(of, configMap('a', {}));
    if (made.kind !== 'done') throw new Error(JSON.stringify(made));
    const { uid = '' } = made.object.metadata;
    expect(await objects.remove(of, 'a', { uid: 'another' })).toMatchObject({ kind: 'conflict' });
    expect(await objects.remove(of, 'a', { uid })).toMatchObject({ kind: 'done' });
    expect(await objects.remove(of, 'a', { uid })).toEqual({ kind: 'missing' });
  });

  test('what is no object is refused with the words of the API server', async () => {
    const of = await ofNamespace();
    expect(await objects.create(of, configMap('No Name', {}))).toMatchObject({
      kind: 'refused',
      status: 422,
      message: expect.stringContaining('metadata.name'),
    });
  });

  test('a name cannot lead out of its collection', async () => {
    const of = await ofNamespace();
    expect(await objects.read(of, '../secrets/x')).not.toMatchObject({ kind: 'done' });
    expect(await objects.read(of, 'a?watch=1')).not.toMatchObject({ kind: 'done' });
  });

  test('where nobody answers, that is what came of it', async () => {
    const of = await ofNamespace();
    const ended = new KubeObjects(client, AbortSignal.abort());
    expect(await ended.read(of, 'a')).toMatchObject({ kind: 'unanswered' });
  });
});
