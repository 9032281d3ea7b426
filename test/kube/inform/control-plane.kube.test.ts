/** The control plane itself, with a cluster as its source. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';
import { mesh, namespace, tenant, write } from './cluster-objects.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');

whereKube('a control plane', () => {
  test('it waits for the mesh of a cluster, and serves it once it is there', async () => {
    const cluster = await startKube();
    const kube = connectKube(cluster);
    await installDefinitions(kube);
    const state = await mkdtemp(join(tmpdir(), 'coffre-state-'));
    const addresses = ['--xds', `127.0.0.1:${await freePort()}`, '--evidence', `127.0.0.1:${await freePort()}`];
    const args = ['--kube', await kube.adminKubeconfig(), '--state', state, ...addresses];
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    try {
      const lines: string[] = [];
      for await (const line of createInterface(child.stdout)) {
        lines.push(line);
        if (line.includes('missing-mesh')) {
          await write(kube, namespace(systemNamespace), namespace('shop'), tenant('shop'), mesh('mesh.example'));
        }
        if (line.includes('"serving"')) break;
      }
      expect(lines.filter((line) => line.includes('missing-mesh'))).not.toEqual([]);
      expect(lines.at(-1)).toContain('"source":{"kind":"kubeconfig"');
      child.kill('SIGTERM');
      expect(await ended).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await rm(state, { recursive: true });
      await kube.close();
      await cluster.stop();
    }
  });
});
