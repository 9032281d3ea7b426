/** Which API servers are believed, and what is said of the others. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { KubeAccessRefused, openKubeClient } from '../../../src/kube/kube-client.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coffre-kubeconfig-'));
});

afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['plain HTTP', { server: 'http://10.0.0.1:8080' }, /anybody could answer for it/],
  [
    'a server that is not verified',
    { server: 'https://10.0.0.1', 'insecure-skip-tls-verify': true },
    /name its authority/,
  ],
  ['a proxy', { server: 'https://10.0.0.1', 'proxy-url': 'http://10.0.0.2' }, /is not followed/],
  ['no address', { server: 'api server' }, /no API server to be believed/],
])('SEC-57 a kubeconfig that names %s is refused', async (name, cluster, why) => {
  const file = join(folder, name.replaceAll(' ', '-'));
  await writeFile(
    file,
    stringify({
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: 'secret' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const open = () => openKubeClient({ kind: 'kubeconfig', file });
  expect(open).toThrow(KubeAccessRefused);
  expect(open).toThrow(why);
});

test('a kubeconfig that is not there is refused by its name', () => {
  const file = join(folder, 'nowhere');
  expect(() => openKubeClient({ kind: 'kubeconfig', file })).toThrow(`the kubeconfig \`${file}\` cannot be read`);
});

test('who is in no cluster has no service account to speak as', () => {
  expect(() => openKubeClient({ kind: 'in-cluster' })).toThrow(KubeAccessRefused);
});
