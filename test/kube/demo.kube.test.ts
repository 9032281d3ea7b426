/** The demo's folder as it stands, given to a cluster. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { installDefinitions } from './harness/install-definitions.ts';
import { connectKube, type Kube } from './harness/kube.ts';
import { whereKube } from './harness/kube-test.ts';
import { type RunningCluster, startKube } from './harness/start-kube.ts';

const demo = join(import.meta.dirname, '../../deploy/demo');
/** What the demo asks of a cluster, as its first file says: both families, and these addresses among them. */
const serviceRange = '10.96.0.0/16,fd96::/108';

interface Written {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly serviceAccountName?: string; readonly clusterIPs?: readonly string[] };
}

const written = readdirSync(demo, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => parseAllDocuments(readFileSync(join(demo, name), 'utf8')))
  .map((document) => document.toJS() as Written);

// A cluster of its own: what is applied is all that is there.
whereKube('the demo', () => {
  let cluster: RunningCluster;
  let kube: Kube;

  beforeAll(async () => {
    cluster = await startKube({ serviceRange });
    kube = connectKube(cluster);
    await installDefinitions(kube);
  });
  afterAll(async () => {
    await kube.close();
    await cluster.stop();
  });

  const apply = () => kube.kubectl(['apply', '-R', '--validate=strict', '-f', demo]);

  test('it is taken whole, in the order of its files, and again without a change of what a cluster keeps', async () => {
    expect(written.length).toBeGreaterThan(20);
    expect(await apply()).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout } = await apply();
    expect(code).toBe(0);
    // A pod's status stands in its file for the folder; no API server takes it from there, and kubectl sends it each time.
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((line) => !line.endsWith(' unchanged') && !line.startsWith('pod/')),
    ).toEqual([]);
  });

  test('its services have the addresses that its pages name, of both families', async () => {
    const { stdout } = await kube.kubectl(['get', 'services', '--all-namespaces', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { items: Written[] };
    const addresses = (services: readonly Written[]) =>
      services.map(({ metadata, spec }) => `${metadata.namespace}/${metadata.name} ${spec?.clusterIPs?.join()}`).sort();
    const ours = items.filter(({ metadata }) => metadata.namespace !== 'default');
    expect(addresses(ours)).toEqual(addresses(written.filter(({ kind }) => kind === 'Service')));
  });

  // The tests' API server makes pods of accounts that are not there; others do not.
  test('every pod runs under an account that is written too', () => {
    const accounts = new Set(
      written
        .filter(({ kind }) => kind === 'ServiceAccount')
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    );
    const pods = written.filter(({ kind }) => kind === 'Pod');
    const missing = pods
      .map(({ metadata, spec }) => `${metadata.namespace}/${spec?.serviceAccountName}`)
      .filter((account) => !account.endsWith('/default') && !accounts.has(account));
    expect(pods).not.toEqual([]);
    expect(missing).toEqual([]);
  });
});
