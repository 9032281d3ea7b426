/**
 * Other values while everything runs: replicas and workers are replaced one after another under the traffic of real Envoys, and
 * the control plane is never refused anything in all that time, so that its rights are enough.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { run } from '../../cli/run-command.ts';
import type { SteadyAnswer } from '../../e2e/steady-traffic.ts';
import { application, values, whereInstalled } from '../e2e/installed.ts';
import { restricted } from '../inject/settings.ts';

/** Between two requests of each of the two clients, in ms. */
const periodMs = 100;
/** Answers that are seen before, and again after the upgrade. */
const seen = 40;
/** Longest wait for them, in ms. */
const seenMaxMs = 60_000;
/** Longest for the upgrade, in ms: five pods are replaced, and each takes its time to leave. */
const testMaxMs = 240_000;

const traffic = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name: 'traffic' },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'app',
        image: 'registry.example/lab-traffic:1',
        args: ['http://api.shop/status/200', String(periodMs)],
        securityContext: restricted,
      },
    ],
  },
};

whereInstalled('an upgrade', ({ apply, cluster, kubectl, newTenant, untilReady }) => {
  const answers = () =>
    cluster()
      .kubelet()
      .container('shop/traffic', 'app')
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as SteadyAnswer);

  async function untilSeen(more: number): Promise<void> {
    const wanted = answers().length + more;
    await vi.waitFor(() => expect(answers().length).toBeGreaterThanOrEqual(wanted), {
      timeout: seenMaxMs,
      interval: 100,
    });
  }

  /** How each of the pods ends: 137 is one that was killed, since it took longer than it may. */
  function endsOf(name: string, pods: readonly RunningPod[]): readonly Promise<number>[] {
    return pods.map((pod) => cluster().kubelet().container(`coffre-system/${pod.name}`, name).ended);
  }

  async function podsOf(name: string): Promise<readonly RunningPod[]> {
    const selector = `app.kubernetes.io/name=${name}`;
    const text = await kubectl(['get', 'pods', '-n', 'coffre-system', '-l', selector, '-o', 'json']);
    const { items } = JSON.parse(text) as {
      items: {
        metadata: { name: string; uid: string; deletionTimestamp?: string };
        spec: { containers: { args: string[] }[] };
      }[];
    };
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec }) => ({ name: metadata.name, uid: metadata.uid, args: spec.containers[0]?.args ?? [] }));
  }

  test(
    'no request is lost, every pod is another one, and the control plane was allowed all that it asked for',
    async () => {
      await newTenant('shop', ...application('shop', 'api'), traffic);
      await untilReady('shop/api', 'shop/traffic');
      await vi.waitFor(() => expect(answers().at(-1)?.outcome).toBe(200), { timeout: seenMaxMs });
      const before = answers().length;
      await untilSeen(seen);
      const [replicas, workers] = [await podsOf('coffre'), await podsOf('coffre-authz')];
      const former = [...replicas, ...workers].map(({ uid }) => uid);
      const ends = [...endsOf('coffre', replicas), ...endsOf('coffre-authz', workers)];

      const { kube } = cluster();
      const file = join(kube.folder, 'other-values.yaml');
      await writeFile(file, stringify({ ...values, logLevel: 'debug', authz: { replicas: 3 } }));
      const { out, err, code } = await run('install', '-f', file, '--kubeconfig', await kube.adminKubeconfig());
      expect({ err, code }).toEqual({ err: '', code: 0 });
      expect(out).toContain('StatefulSet/coffre: changed\nDeployment/coffre-authz: changed\n');

      for (const [name, count] of [
        ['coffre', 2],
        ['coffre-authz', 3],
      ] as const) {
        const pods = await vi.waitFor(async () => {
          const now = await podsOf(name);
          expect(now).toHaveLength(count);
          return now;
        });
        expect(pods.map(({ args }) => args.includes('--log-level=debug'))).toEqual(pods.map(() => true));
        expect(pods.filter(({ uid }) => former.includes(uid))).toEqual([]);
      }
      expect(await Promise.all(ends)).toEqual(former.map(() => 0));
      await untilSeen(seen);
      expect(
        answers()
          .slice(before)
          .filter(({ outcome }) => outcome !== 200),
      ).toEqual([]);
      const metrics = (await kubectl(['get', '--raw', '/metrics'])).split('\n');
      expect(metrics.some((line) => line.startsWith('apiserver_request_total{code="200"'))).toBe(true);
      // What the installation rehearses is refused by the webhooks themselves: that they are asked.
      const refused = metrics.filter(
        (line) => /^apiserver_request_total\{code="40[13]"/.test(line) && !line.includes('dry_run="All"'),
      );
      expect(refused).toEqual([]);
    },
    testMaxMs,
  );

  /** Of what API servers ask. */
  async function asksLeft(): Promise<string> {
    const kinds = [
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
      'validatingwebhookconfigurations',
    ];
    return kubectl(['get', kinds.join(), '-l', 'app.kubernetes.io/part-of=coffre', '-o', 'name']);
  }

  test('without Coffre what has a sidecar fails closed, and a pod that begins has none and waits for nobody', async () => {
    const { kube } = cluster();
    const args = ['uninstall', '--yes-remove-the-mesh', '--also-definitions', '--kubeconfig'];
    expect(await run(...args, await kube.adminKubeconfig())).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^shop +2 +0$/m),
    });
    await vi.waitFor(() => expect(answers().at(-1)?.outcome).toBe(503), { timeout: seenMaxMs, interval: 100 });
    expect(await asksLeft()).toBe('');
    const containers = [{ name: 'app', image: 'registry.example/lab-idle:1', securityContext: restricted }];
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'plain' } });
    for (const namespace of ['shop', 'plain']) {
      await apply({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: 'late' }, spec: { containers } });
    }
    await untilReady('shop/late', 'plain/late');
    expect(await kubectl(['get', 'pod', 'late', '-n', 'shop', '-o', 'jsonpath={.spec.initContainers}'])).toBe('');
    // The leader lived until now, and would have written them back.
    await vi.waitFor(async () => expect(await podsOf('coffre')).toEqual([]), { timeout: seenMaxMs });
    expect(await asksLeft()).toBe('');
  });
});

interface RunningPod {
  readonly name: string;
  readonly uid: string;
  readonly args: readonly string[];
}
