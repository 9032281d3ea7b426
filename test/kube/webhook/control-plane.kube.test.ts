/** The control plane itself, from its installation to the first injected pod. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { webhookConfigurations } from '../../../src/kube/webhook/webhook-configurations.ts';
import { freePort } from '../../fixtures/free-port.ts';
import { installDefinitions } from '../harness/install-definitions.ts';
import { connectKube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';
import { mesh, namespace, tenant, write } from '../inform/cluster-objects.ts';
import { podWith } from '../inject/settings.ts';
import { playServices } from './play-services.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
const soon = { timeout: 60_000, interval: 100 };

whereKube('a control plane with webhooks', () => {
  test('is asked as soon as it serves, says whom to believe, and leaves in order', async () => {
    const cluster = await startKube({ services: true });
    const kube = connectKube(cluster);
    const services = await playServices(cluster);
    const state = await mkdtemp(join(tmpdir(), 'coffre-state-'));
    let child: ChildProcess | undefined;
    const create = (name: string, query = '') => {
      const pod = { apiVersion: 'v1', kind: 'Pod', ...podWith({}, {}, { name }) };
      return kube.request('POST', `/api/v1/namespaces/shop/pods${query}`, pod);
    };
    try {
      await installDefinitions(kube);
      await write(kube, namespace('coffre-system'), namespace('shop'));
      for (const [space, name, port] of [
        ['coffre-system', 'coffre', 'xds'],
        ['kube-system', 'kube-dns', 'dns'],
      ] as const) {
        const spec = {
          ports: [
            { name: port, port: 15_012 },
            { name: 'webhook', port: 443 },
          ],
        };
        await kube.request('POST', `/api/v1/namespaces/${space}/services`, { metadata: { name }, spec });
      }
      const installed = webhookConfigurations({ rootPem: undefined })
        .map((each) => stringify(each))
        .join('---\n');
      expect(await kube.kubectl(['apply', '-f', '-'], { input: installed })).toMatchObject({ code: 0 });
      const [xds, evidence, webhook] = [await freePort(), await freePort(), await freePort()];
      const at = [
        '--xds',
        `127.0.0.1:${xds}`,
        '--evidence',
        `127.0.0.1:${evidence}`,
        '--webhook',
        `127.0.0.1:${webhook}`,
      ];
      const images = [
        '--envoy-image',
        'registry.example/envoy:1',
        '--redirect-image',
        'registry.example/redirect:1',
        '--caretakers',
        'admin',
      ];
      const args = ['--kube', await kube.adminKubeconfig(), '--state', state, ...at, ...images];
      child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines: string[] = [];
      createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => lines.push(line));
      services.behind = [webhook];
      await write(kube, mesh('mesh.example'));
      await vi.waitFor(() => expect(lines.join('\n')).toContain('webhooks are answered'), soon);
      await vi.waitFor(
        async () =>
          expect(await kube.request('POST', '/apis/coffre.dev/v1alpha1/tenants', tenant('shop'))).toMatchObject({
            status: 201,
          }),
        soon,
      );
      await vi.waitFor(async () => {
        const { status, body } = await create('web-0', '?dryRun=All');
        expect({ status, body }).toMatchObject({
          status: 201,
          body: { spec: { initContainers: [{ name: 'coffre-redirect' }, { name: 'coffre-sidecar' }] } },
        });
      }, soon);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await create('leaving', '?dryRun=All')).toMatchObject({ status: 201 });
      expect(await ended, lines.slice(-5).join('\n')).toEqual([0, null]);
      expect(await create('left')).toMatchObject({ status: 500 });
    } finally {
      child?.kill('SIGKILL');
      await rm(state, { recursive: true, force: true });
      await services.close();
      await kube.close();
      await cluster.stop();
    }
  });
});
