/** Two replicas, each a process, and the Lease of a real API server. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemNamespace } from '../../../src/model/system-namespace.ts';
import { connectKube, type Kube } from '../harness/kube.ts';
import { whereKube } from '../harness/kube-test.ts';
import { startKube } from '../harness/start-kube.ts';

const program = join(import.meta.dirname, 'lead-until-killed.ts');
const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${systemNamespace}/leases/coffre`;
/** Longest wait for a leader, in ms: a Lease of 15 s is to be waited out, on a busy machine. */
const electionMaxMs = 60_000;

interface Line {
  readonly kind: string;
  readonly term?: number;
  readonly leader?: { readonly name: string; readonly address?: string; readonly term: number };
}

class Replica {
  readonly child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(kubeconfig: string, name: string) {
    this.child = spawn(process.execPath, [program, kubeconfig, name]);
    this.child.stderr.pipe(process.stderr);
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  async next(kind: string): Promise<Line> {
    for (;;) {
      const { value } = await this.#lines.next();
      const line: Line = JSON.parse(value);
      if (line.kind === kind) return line;
    }
  }

  ask(): Promise<Line> {
    this.child.stdin.write('?\n');
    return this.next('answer');
  }

  async leave(): Promise<void> {
    this.child.kill('SIGTERM');
    await once(this.child, 'exit');
  }
}

whereKube('the election of a leader', () => {
  let kube: Kube;
  let kubeconfig: string;
  const replicas: Replica[] = [];
  const start = (name: string) => {
    const replica = new Replica(kubeconfig, name);
    replicas.push(replica);
    return replica;
  };

  beforeAll(async () => {
    // Of its own: a Lease of this name is also another test's.
    const cluster = await startKube();
    kube = connectKube(cluster);
    kubeconfig = await kube.adminKubeconfig();
    await kube.request('POST', '/api/v1/namespaces', { metadata: { name: systemNamespace } });
    return async () => {
      await kube.close();
      await cluster.stop();
    };
  }, electionMaxMs);
  // Of the test before, whose leader was killed: nobody is to wait it out.
  beforeEach(() => kube.request('DELETE', leasePath));
  afterEach(() => {
    for (const { child } of replicas.splice(0)) child.kill('SIGKILL');
  });

  test(
    'FLT-34 a leader that was stopped knows on resuming that it leads no more, before it hears of anything',
    async () => {
      const [first, second] = [start('coffre-0'), start('coffre-1')];
      const firstBegan = first.next('began');
      const secondBegan = second.next('began');
      const leader = await Promise.race([firstBegan.then(() => first), secondBegan.then(() => second)]);
      leader.child.kill('SIGSTOP');
      const other = leader === first ? second : first;
      const [{ term: firstTerm = 0 }, { term: secondTerm = 0 }] =
        leader === first ? [await firstBegan, await secondBegan] : [await secondBegan, await firstBegan];
      expect(secondTerm).toBeGreaterThan(firstTerm);
      const answer = leader.ask();
      leader.child.kill('SIGCONT');
      expect((await answer).term).toBeUndefined();
      expect((await other.ask()).term).toBe(secondTerm);
    },
    electionMaxMs * 2,
  );

  test(
    'a leader that leaves gives the Lease back, and the others learn who leads and where',
    async () => {
      const leader = start('coffre-0');
      const { term = 0 } = await leader.next('began');
      const other = start('coffre-1');
      await expect
        .poll(async () => (await other.ask()).leader, { timeout: electionMaxMs })
        .toEqual({ name: 'coffre-0', address: '10.0.0.1:15018', term });
      await leader.leave();
      const { body } = await kube.request('GET', leasePath);
      expect(body).not.toHaveProperty('spec.leaseDurationSeconds');
      expect((await other.next('began')).term).toBeGreaterThan(term);
    },
    electionMaxMs * 2,
  );

  test(
    'a Lease that somebody deleted is made anew, and its terms go on',
    async () => {
      const leader = start('coffre-0');
      const { term = 0 } = await leader.next('began');
      expect((await kube.request('DELETE', leasePath)).status).toBe(200);
      await expect
        .poll(async () => (await kube.request('GET', leasePath)).status, { timeout: electionMaxMs })
        .toBe(200);
      expect((await leader.ask()).term).toBe(term);
      leader.child.kill('SIGKILL');
      expect((await start('coffre-0').next('began')).term).toBeGreaterThan(term);
    },
    electionMaxMs * 2,
  );
});
