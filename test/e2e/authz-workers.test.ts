/**
 * Two authorization workers behind one sidecar: each leaves and comes back, dies, stalls, and learns new policies, while
 * requests go on. What is counted is what the caller was answered.
 *
 *   shop   web ─▶ api (every request judged by either worker)
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { authzPort, MeshLab } from '../../src/lab/mesh-lab.ts';
import { eachMode } from '../lab/each-mode.ts';
import { decisions, strangers, unauthorised } from './invariants.ts';
import { documents, meshFolder, podText, removeFolder, serviceText, trustDomain } from './mesh-folder.ts';
import { type Steady, type SteadyAnswer, startSteady } from './steady.ts';
import { onHost } from './struck-mesh.ts';

/** What is promised of a worker that is asked to leave, in ms: it answers for one second, and closes within another. */
const leavesMs = 2_000;
/** Beyond it, for a process to end on a busy machine, in ms. */
const endsMs = 2_000;
/** How long requests go on behind each event, in ms. */
const afterwardsMs = 1_500;
/** How long one that is set aside stays so, and is tried again in vain, in ms: five seconds and then ten, so this is within the second. */
const triedAgainMs = 9_000;
/** Longest until a sidecar has found a worker again, in ms: it asks for health every ten seconds and a fifth. */
const foundMs = 30_000;
/** Longest of these tests, in ms: a worker is started four times. */
const testMs = 120_000;
const perSecond = 200;
const workers = [0, 1];
const web = 'shop/web-0';
const api = 'shop/api-0';

type Side = 'left' | 'right';

/**
 * Two policies that change sides together. By either revision whole, both sides are closed: one by the deny rule, one
 * for want of an allow rule. Half of one and half of the other would open a side. `when` is the workers' alone.
 */
const sides = (allowed: Side, denied = allowed) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: allows, namespace: shop }
spec:
  selector: { matchLabels: { app: api } }
  allow:
  - to: { paths: [/open] }
  - when: 'request.path == "/${allowed}"'
---
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: denies, namespace: shop }
spec:
  selector: { matchLabels: { app: api } }
  deny: [{ when: 'request.path == "/${denied}"' }]
`;

const files = {
  'mesh.yaml': `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, dns: { resolvers: [10.99.0.1] }, authorization: { mode: everyRequest } }
`,
  'shop.yaml': documents(
    'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: { name: shop }\nspec: { environment: test, defaultAccess: none }',
    podText({ namespace: 'shop', name: 'web-0', account: 'web', addresses: ['10.99.1.1'], ports: [8_080] }),
    podText({ namespace: 'shop', name: 'api-0', account: 'api', addresses: ['10.99.1.2'], ports: [8_080] }),
    serviceText('shop', 'api', '10.96.1.2', 'api', 'name: http, port: 80, targetPort: 8080'),
  ),
  'sides.yaml': sides('left'),
};

eachMode('two authorization workers', (mode) => {
  let mesh: MeshLab;
  const folder = meshFolder(files);
  beforeAll(async () => {
    mesh = await MeshLab.start({ mode, folder, workers: workers.length });
  });
  afterAll(async () => {
    await mesh?.stop();
    removeFolder(folder);
  });
  afterEach(async () => {
    await expect.poll(() => unauthorised(mesh)).toEqual([]);
    expect(strangers(mesh)).toEqual([]);
  });

  /** @returns all that was answered meanwhile. */
  const underLoad = async (
    paths: readonly string[],
    act: (steady: Steady) => Promise<void>,
  ): Promise<readonly SteadyAnswer[]> => {
    const steady = await startSteady(
      mesh.lab,
      web,
      paths.map((path) => `http://api${path}`),
      { perSecond, http2: true },
    );
    try {
      await act(steady);
    } finally {
      await steady.stop();
    }
    return steady.answers();
  };
  const goesOn = async (steady: Steady) => {
    const sinceMs = Date.now();
    await steady.until('requests go on', ({ askedMs }) => askedMs > sinceMs + afterwardsMs);
  };
  /** What the sidecar says of each worker. */
  const seen = async (what: 'rq_total' | 'rq_success' | 'health_flags') => {
    const lines = (await mesh.sidecar(api).admin('/clusters')).split('\n');
    return lines.flatMap((line) => {
      const [cluster, , name, value = ''] = line.split('::');
      return cluster === 'coffre-authz' && name === what ? [value] : [];
    });
  };
  /** Checks that a worker kept for too long. */
  const movedOn = async () => {
    const stats = await mesh.sidecar(api).admin('/stats?filter=coffre-authz.upstream_rq_per_try_timeout$');
    return Number(/: (\d+)/.exec(stats)?.[1]);
  };
  const found = () =>
    expect.poll(() => seen('health_flags'), { timeout: foundMs, interval: 200 }).toEqual(['healthy', 'healthy']);
  /** A flag may be of before: who is to be left alone must have answered first. */
  const foundToAnswer = async (index: number) => {
    const answered = async () => Number((await seen('rq_success'))[index]);
    const before = await answered();
    await found();
    await expect.poll(answered, { timeout: foundMs, interval: 200 }).toBeGreaterThan(before + 10);
  };

  /**
   * No request fails for want of a worker. One that a worker allowed, and later than Envoy waits for, is the machine's
   * doing where everything runs on two processors at once; there are few of them, and none on a machine with time.
   */
  const expectNoneLost = async (answers: readonly SteadyAnswer[]) => {
    const failed = answers.filter(({ status }) => status !== 200);
    const lost = () => {
      const allowed = new Set(decisions(mesh).flatMap(({ id, verdict }) => (verdict === 'allow' ? [id] : [])));
      return failed.filter(({ decision }) => !allowed.has(decision));
    };
    await expect.poll(lost).toEqual([]);
    expect(failed.length).toBeLessThan(answers.length / 10);
  };

  test('each leaves and comes back in turn under 200 requests a second: both are asked, and no request fails', {
    timeout: testMs,
  }, async () => {
    const answers = await underLoad(['/open'], async (steady) => {
      await goesOn(steady);
      for (const index of workers) {
        const leaving = mesh.authzWorkerAt(index);
        const sinceMs = Date.now();
        await leaving.kill('SIGTERM');
        expect(await leaving.exited).toMatchObject({ code: 0 });
        expect(Date.now() - sinceMs).toBeLessThan(leavesMs + endsMs);
        await goesOn(steady);
        await mesh.startAuthzWorker(index);
        await foundToAnswer(index);
      }
    });
    expect(answers.length).toBeGreaterThan(perSecond);
    await expectNoneLost(answers);
    for (const count of await seen('rq_total')) expect(Number(count)).toBeGreaterThan(perSecond);
  });

  test('FLT-23 one of two is killed under 200 requests a second: the other is asked, and no request fails', {
    timeout: testMs,
  }, async () => {
    const answers = await underLoad(['/open'], async (steady) => {
      for (const index of workers) {
        await mesh.killAuthzWorker(index);
        await goesOn(steady);
        await mesh.startAuthzWorker(index);
        await foundToAnswer(index);
      }
    });
    await expectNoneLost(answers);
  });

  test('FLT-23 one of two stalls and keeps its connections: what it kept is put to the other, nobody passes unjudged, and it is set aside', {
    timeout: testMs,
  }, async () => {
    const stalled = mesh.authzWorkerAt(1);
    const kept = await movedOn();
    let [asideMs, backMs] = [0, 0];
    const answers = await underLoad(['/open'], async (steady) => {
      await stalled.kill('SIGSTOP');
      await expect
        .poll(async () => (await seen('health_flags'))[1], { timeout: foundMs, interval: 200 })
        .toContain('failed_active_hc');
      await goesOn(steady);
      asideMs = Date.now();
      await goesOn(steady);
      backMs = Date.now();
      await stalled.kill('SIGCONT');
      await found();
    });
    expect(await movedOn()).toBeGreaterThan(kept);
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    await expectNoneLost(answers.filter(({ askedMs }) => askedMs >= asideMs && askedMs < backMs));
  });

  test('FLT-23 one of two vanishes with its node: once it is set aside no request fails, nor when it is tried again in vain', {
    timeout: testMs,
  }, async () => {
    const reach = async (verb: '-I' | '-D') => {
      for (const [chain, end] of [
        ['INPUT', '--dport'],
        ['OUTPUT', '--sport'],
      ] as const) {
        await onHost(mesh, 'iptables', verb, chain, '-p', 'tcp', end, String(authzPort + 1), '-j', 'DROP');
      }
    };
    let asideMs = 0;
    await found();
    const answers = await underLoad(['/open'], async (steady) => {
      await reach('-I');
      try {
        const flags = () => seen('health_flags');
        await expect.poll(flags, { timeout: foundMs, interval: 100 }).toContain('/failed_outlier_check');
        asideMs = Date.now();
        await steady.until('tried again', ({ askedMs }) => askedMs > asideMs + triedAgainMs);
      } finally {
        await reach('-D');
      }
    });
    await expectNoneLost(answers.filter(({ askedMs }) => askedMs >= asideMs));
    await found();
  });

  test('FLT-24 policies that change together under load are judged by whole: every answer is what its one revision says', {
    timeout: testMs,
  }, async () => {
    const first = decisions(mesh).length;
    const answers = await underLoad(['/left', '/right'], async (steady) => {
      for (const allowed of ['right', 'left', 'right', 'left', 'right'] as const) {
        mesh.write('sides.yaml', sides(allowed));
        await goesOn(steady);
      }
    });
    expect(answers.length).toBeGreaterThan(perSecond);
    expect(answers.filter(({ status }) => status === 200)).toEqual([]);
    const judged = decisions(mesh)
      .slice(first)
      .flatMap((record) => (record.verdict === 'deny' ? [record] : []));
    const byRevision = Map.groupBy(judged, ({ revision }) => revision);
    const told = [...byRevision.values()].map((records) =>
      [...new Set(records.map(({ request, reason }) => `${request.path} ${reason}`))].sort().join(', '),
    );
    expect(byRevision.size).toBeGreaterThan(1);
    const whole = ['/left deny-rule, /right no-allow-rule', '/left no-allow-rule, /right deny-rule'];
    expect([...new Set(told)].sort()).toEqual(whole);

    await underLoad(['/left'], async (steady) => {
      mesh.write('sides.yaml', sides('left', 'right'));
      await steady.until('half of each opens a side', ({ status }) => status === 200);
    });
  });
});
