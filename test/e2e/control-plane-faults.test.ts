/**
 * The control plane dies, dies in the middle of a push, and is frozen, while requests go on. What is counted is what the
 * caller was answered: sidecars serve what they were given last, and what comes next is whole.
 *
 *   shop   web ─▶ api        side comes and goes: clusters, listeners and endpoints of both change with it
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { managementSocket } from '../../src/admin/door-names.ts';
import { ask } from '../../src/admin/management-client.ts';
import { MeshLab } from '../../src/lab/mesh-lab.ts';
import { strangers, unauthorised } from './invariants.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { type Steady, type SteadyAnswer, startSteady } from './steady.ts';

const perSecond = 200;
/** What is promised of a restart, in ms: by then every proxy is in step again. */
const inStepMs = 30_000;
/** At how many moments of a push it is killed. */
const killings = 8;
/** Longest from the edit of a file to the moment at which it is killed, in ms: a push is over by then. */
const pushMs = 250;
/** How long it is frozen, in ms: less than a proxy waits for the answer to a keepalive (10 s), so that its streams outlive it. */
const frozenMs = 8_000;
/** Longest of these tests, in ms. */
const testMs = 300_000;
const web = 'shop/web-0';
const api = 'shop/api-0';

const side = (index: number) =>
  serviceText(
    'shop',
    `side-${index}`,
    `10.96.2.${index + 1}`,
    'api',
    `name: http, port: 80, targetPort: ${9_000 + index}`,
  );
const allowed = (path: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: allows, namespace: shop }
spec:
  selector: { matchLabels: { app: api } }
  allow: [{ to: { paths: [/open, ${path}] } }]
`;

const files = {
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] } }
`,
  'shop.yaml': documents(
    'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: shop }\nspec: { environment: test, defaultAccess: none }',
    podText({ namespace: 'shop', name: 'web-0', account: 'web', addresses: ['10.99.1.1'], ports: [8_080] }),
    podText({ namespace: 'shop', name: 'api-0', account: 'api', addresses: ['10.99.1.2'], ports: [8_080] }),
    serviceText('shop', 'api', '10.96.1.2', 'api', 'name: http, port: 80, targetPort: 8080'),
  ),
  'policy.yaml': allowed('/first'),
};

describe('a control plane that fails under 200 requests a second', () => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({ folder });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });
  afterEach(async () => {
    await expect.poll(() => unauthorised(mesh)).toEqual([]);
    expect(strangers(mesh)).toEqual([]);
  });

  const underLoad = async (act: (steady: Steady) => Promise<void>): Promise<readonly SteadyAnswer[]> => {
    const steady = await startSteady(mesh.lab, web, ['http://api/open', 'http://api/news'], { perSecond });
    try {
      await act(steady);
    } finally {
      await steady.stop();
    }
    return steady.answers();
  };
  const stat = async (pod: string, name: string) => {
    const line = (await mesh.sidecar(pod).admin(`/stats?filter=^${name}$`)).trim();
    return Number(line.split(': ')[1]);
  };
  const inStep = async () => {
    const connected = () => Promise.all([web, api].map((pod) => stat(pod, 'control_plane.connected_state')));
    await expect.poll(connected, { timeout: inStepMs, interval: 100 }).toEqual([1, 1]);
  };
  /** What is written now is in force soon, whatever was before: closed, then open. */
  const learns = async (steady: Steady) => {
    for (const [path, status] of [
      ['/first', 403],
      ['/news', 200],
    ] as const) {
      mesh.write('policy.yaml', allowed(path));
      const sinceMs = Date.now();
      const isOfNow = (answer: SteadyAnswer) => answer.path === '/news' && answer.askedMs > sinceMs;
      await steady.until(`${status} at /news`, (answer) => isOfNow(answer) && answer.status === status);
    }
  };
  const failed = (answers: readonly SteadyAnswer[]) =>
    answers.filter(({ path, status }) => path === '/open' && status !== 200);

  test('FLT-02 killed while nothing happens: no request fails, no listener drains, and the next one is in step', {
    timeout: testMs,
  }, async () => {
    const drained = async () => Promise.all([web, api].map((pod) => stat(pod, 'listener_manager.listener_modified')));
    const before = await drained();
    const answers = await underLoad(async (steady) => {
      await mesh.killControlPlane();
      await mesh.startControlPlane();
      await inStep();
      expect(await drained()).toEqual(before);
      await learns(steady);
    });
    expect(failed(answers)).toEqual([]);
    expect(answers.length).toBeGreaterThan(perSecond);
  });

  test(`FLT-03 killed at ${killings} moments of a push: no request fails, and the next one ends what was begun`, {
    timeout: testMs,
  }, async () => {
    const [moments = []] = fc.sample(fc.array(fc.nat(pushMs), { minLength: killings, maxLength: killings }), 1);
    const answers = await underLoad(async (steady) => {
      for (const [index, ms] of moments.entries()) {
        // Clusters, endpoints and routes of the caller, and the callee's listener, come or go in order.
        mesh.write('side.yaml', index % 2 === 0 ? side(index) : '');
        await sleep(ms);
        await mesh.killControlPlane();
        await mesh.startControlPlane();
      }
      await learns(steady);
    });
    expect(failed(answers), `moments in ms: ${moments.join(', ')}`).toEqual([]);
    for (const pod of [web, api]) {
      expect(await stat(pod, 'cluster_manager.cds.update_rejected')).toBe(0);
      expect(await stat(pod, 'listener_manager.lds.update_rejected')).toBe(0);
    }
  });

  test('FLT-04 frozen for a while: no request fails, no stream ends, nobody is told that it is ready', {
    timeout: testMs,
  }, async () => {
    const streams = () => Promise.all([web, api].map((pod) => stat(pod, 'cluster.coffre-xds.upstream_cx_total')));
    let before: readonly number[] = [];
    const answers = await underLoad(async (steady) => {
      await learns(steady);
      await inStep();
      before = await streams();
      await mesh.controlPlane.kill('SIGSTOP');
      try {
        const readiness = ask({ kind: 'socket', path: join(mesh.stateFolder, managementSocket) }, 'status', {}).then(
          ({ kind }) => kind,
        );
        const [told] = await Promise.all([readiness, sleep(frozenMs)]);
        expect(told).toBe('unreachable');
      } finally {
        await mesh.controlPlane.kill('SIGCONT');
      }
      await learns(steady);
    });
    expect(await streams()).toEqual(before);
    expect(failed(answers)).toEqual([]);
    expect(answers.length).toBeGreaterThan((perSecond * frozenMs) / 2_000);
  });
});
