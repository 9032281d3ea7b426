/**
 * One policy, two enforcers, held equal: for random meshes, callers and requests a real Envoy under the configuration we
 * emit does what `decide` says, and an emitter with an error in it is found out.
 *
 * The mode is `dynamicOnly`, so that Envoy's RBAC judges alone. COFFRE_RUNS meshes (25 of HTTP without it, as many of
 * TCP); a difference is told with the mesh as YAML.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppProcess } from '../../src/lab/app-process.ts';
import { Callers } from './differential/callers.ts';
import { type Comparison, compareHttp, compareTcp, type Rig } from './differential/compare.ts';
import { inLab } from './differential/in-lab.ts';
import { mutants } from './differential/mutants.ts';
import { OneSidecar } from './differential/one-sidecar.ts';
import { endedGrantOnBytes, everyKindOfRule, type Kind, randomWorld, type World } from './differential/worlds.ts';

const runs = Number(process.env['COFFRE_RUNS'] ?? 25);
/** Bound of one test, in ms: of a loaded machine. */
const testMs = 120_000 + runs * 4_000;

inLab('Envoy and `decide`', () => {
  let rig: Rig;
  let app: AppProcess;

  beforeAll(async () => {
    const callers = await Callers.issue();
    rig = { callers, sidecar: await OneSidecar.start() };
    app = await rig.sidecar.startApp('http', ['http:8080', 'http:9090']);
  });
  afterAll(async () => {
    await rig?.sidecar.stop();
    rig?.callers.forget();
  });

  /** @returns outcomes by kind, of all meshes together. */
  async function agreeOnRandomMeshes(kind: Kind, compare: (world: World) => Promise<Comparison>) {
    const tally = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(randomWorld(kind), async (world) => {
        const found = await compare(world);
        for (const [outcome, count] of found.tally) tally.set(outcome, (tally.get(outcome) ?? 0) + count);
        if (found.differences.length > 0) throw new Error(told(found, world));
      }),
      { numRuns: runs, endOnFailure: true },
    );
    return tally;
  }

  test('agree on a mesh with every kind of rule', async () => {
    const world = everyKindOfRule();
    const found = await compareHttp(rig, world);
    expect(found.differences, told(found, world)).toEqual([]);
  });

  test.for(Object.keys(mutants))('do not agree where %s', async (name) => {
    const { differences } = await compareHttp(rig, everyKindOfRule(), mutants[name]);
    expect(differences).not.toEqual([]);
  });

  test('agree on every request of random meshes', { timeout: testMs }, async () => {
    const before = app.requests().length;
    const tally = await agreeOnRandomMeshes('http', (world) => compareHttp(rig, world));
    console.log(`HTTP: ${[...tally].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`);
    expect(app.requests().length - before).toBe(tally.get('allowed'));
    for (const outcome of ['allowed', '403', '400', 'wall']) expect(tally.get(outcome)).toBeGreaterThan(2 * runs);
  });

  describe('about an application that speaks first', () => {
    beforeAll(async () => {
      await app.process.kill('SIGKILL');
      await app.process.exited;
      app = await rig.sidecar.startApp('tcp', ['tcp:8080', 'tcp:9090']);
    });

    test('agree on every connection to the opaque ports of random meshes', { timeout: testMs }, async () => {
      const tally = await agreeOnRandomMeshes('tcp', (world) => compareTcp(rig, world));
      console.log(`TCP: ${[...tally].map(([outcome, count]) => `${count} ${outcome}`).join(', ')}`);
      expect(app.connections().length).toBe((tally.get('heard') ?? 0) + (tally.get('greeted') ?? 0));
      for (const outcome of ['heard', 'wall']) expect(tally.get(outcome)).toBeGreaterThan(runs / 5);
    });

    test('agree that a grant which ended unseen by any control plane lets nobody be heard', async () => {
      const world = endedGrantOnBytes();
      const found = await compareTcp(rig, world);
      expect(found.differences, told(found, world)).toEqual([]);
      expect(found.tally.get('greeted')).toBe(1);
    });
  });
});

/** Differences told in one failure. */
const toldMax = 20;

function told({ differences }: Comparison, { workload, yaml }: World): string {
  const more = differences.length > toldMax ? [`and ${differences.length - toldMax} more`] : [];
  return [...differences.slice(0, toldMax), ...more, `of \`${workload.key}\` in:`, yaml].join('\n');
}
