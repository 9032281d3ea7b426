/** The CA of a tenant replaced while two replicas serve its proxies, and when one of them stands still. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { managementSocket } from '../../../src/admin/door-names.ts';
import { ask } from '../../../src/admin/management-client.ts';
import type { RotationView } from '../../../src/controller/rotations.ts';
import type { RotationStatus } from '../../../src/identity/authority.ts';
import { whereKube } from '../harness/kube-test.ts';
import { answer, DrilledMesh, patience } from '../peers/drilled-mesh.ts';
import { longMs, type Replica, type Replicas } from '../peers/replicas.ts';

/** Between two requests of a caller, in ms. */
const askMs = 50;

whereKube('a rotation over two replicas', () => {
  let mesh: DrilledMesh;
  let replicas: Replicas;

  beforeAll(async () => {
    mesh = await DrilledMesh.start();
    ({ replicas } = mesh);
  }, 3 * longMs);
  afterAll(() => mesh?.close());

  const doorOf = ({ state }: Replica) => ({ kind: 'socket', path: join(state, managementSocket) }) as const;

  async function begin(replica: Replica): Promise<RotationStatus> {
    const asked = await ask(doorOf(replica), 'rotateIntermediate', { tenant: 'shop', abort: false });
    if (asked.kind !== 'answered') throw new Error(JSON.stringify(asked));
    return asked.value;
  }

  async function rotationsOf(replica: Replica): Promise<readonly RotationView[]> {
    const asked = await ask(doorOf(replica), 'rotations', {});
    if (asked.kind !== 'answered') throw new Error(JSON.stringify(asked));
    return asked.value;
  }

  async function waitsOf(replica: Replica): Promise<readonly string[]> {
    const [rotation] = await rotationsOf(replica);
    return (rotation?.holdouts ?? []).map(({ workload, why }) => `${workload}: ${why.kind}`).toSorted();
  }

  async function itsEnd(): Promise<void> {
    for (const replica of replicas.all) {
      await expect.poll(() => rotationsOf(replica), patience(longMs)).toEqual([]);
    }
  }

  /** @returns what callers on both replicas were told meanwhile, other than that all is well. */
  async function failuresDuring(work: () => Promise<void>): Promise<readonly string[]> {
    const failed: string[] = [];
    const done = new AbortController();
    const asking = mesh.web.map(async ({ key, dials }) => {
      while (!done.signal.aborted) {
        const said = await answer(dials);
        if (said !== '200 orders') failed.push(`${key}: ${said}`);
        await sleep(askMs);
      }
    });
    await work().finally(() => done.abort());
    await Promise.all(asking);
    return failed;
  }

  test(
    'what a person begins at a follower the leader turns to its end, and no request fails',
    async () => {
      const [leader, follower] = replicas.all;
      let first: RotationStatus | undefined;
      expect(
        await failuresDuring(async () => {
          first = await begin(follower);
          await itsEnd();
        }),
      ).toEqual([]);
      const second = await begin(leader);
      expect(second.leaving).toBe(first?.staying);
      await itsEnd();
    },
    3 * longMs,
  );

  test(
    'it waits, by name, for the proxies of a follower that stands still, and goes on with it',
    async () => {
      const [leader, follower] = replicas.all;
      expect(
        await failuresDuring(async () => {
          follower.signal('SIGSTOP');
          await begin(leader);
          // Once it has been silent for too long.
          await expect.poll(() => waitsOf(leader), patience(longMs)).toEqual(['shop/api-0: away', 'shop/web-1: away']);
          expect(await rotationsOf(leader)).toMatchObject([{ step: 'trusted' }]);
          follower.signal('SIGCONT');
          await itsEnd();
        }),
      ).toEqual([]);
    },
    3 * longMs,
  );
});
