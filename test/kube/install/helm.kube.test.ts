/** The chart in a real cluster, as its readers are told to install it. */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { definitions } from '../../../src/kube/install/installation.ts';
import { run } from '../../cli/run-command.ts';
import { whereOwnCluster } from './own-cluster.ts';
import { isHelmHere, runHelm } from './run-helm.ts';

whereOwnCluster('the chart in a cluster', ({ kube, fileOf }) => {
  const chart = () => join(kube().folder, 'chart');
  beforeAll(async () => {
    expect(await run('chart', '--out', chart())).toMatchObject({ code: 0 });
  });

  async function helm(...args: readonly string[]) {
    const cluster = ['--namespace', 'coffre-system', '--kubeconfig', await kube().adminKubeconfig()];
    return runHelm(kube().folder, [...args, ...cluster]);
  }

  async function names(kinds: string, ...more: readonly string[]): Promise<readonly string[]> {
    const { stdout } = await kube().kubectl([
      'get',
      kinds,
      '-A',
      '-o',
      'name',
      '-l',
      'app.kubernetes.io/part-of=coffre',
      ...more,
    ]);
    return stdout.split('\n').filter((line) => line !== '');
  }

  test.skipIf(!isHelmHere)('it comes, changes and goes; definitions, Mesh and namespace stay', async () => {
    const values = await fileOf('trustDomain: mesh.example');
    const upgrade = ['upgrade', '--install', 'coffre', chart(), '--create-namespace', '--take-ownership'];
    expect(await helm(...upgrade, '-f', values)).toMatchObject({ code: 0, err: '' });
    const all = 'clusterroles,statefulsets,deployments,mutatingwebhookconfigurations,validatingwebhookconfigurations';
    const installed = await names(all);
    expect(installed).toEqual(expect.arrayContaining(['statefulset.apps/coffre', 'deployment.apps/coffre-authz']));
    const { body } = await kube().request('GET', '/api/v1/namespaces/coffre-system');
    expect(body).toMatchObject({ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });

    expect(await helm(...upgrade, '-f', values, '--set', 'authz.replicas=3')).toMatchObject({ code: 0, err: '' });
    const { body: deployment } = await kube().request(
      'GET',
      '/apis/apps/v1/namespaces/coffre-system/deployments/coffre-authz',
    );
    expect(deployment).toMatchObject({ spec: { replicas: 3 } });
    expect(await names(all)).toEqual(installed);

    expect(await helm('uninstall', 'coffre')).toMatchObject({ code: 0 });
    expect(await names(all)).toEqual([]);
    expect(await names('crd')).toHaveLength(definitions.length);
    const { stdout } = await kube().kubectl(['get', 'mesh/default', 'ns/coffre-system', '-o', 'name']);
    expect(stdout).toBe('mesh.coffre.dev/default\nnamespace/coffre-system\n');
  });
});
