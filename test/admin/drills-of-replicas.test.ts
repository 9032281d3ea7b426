/** Whose answer a person gets, at the door of one of several replicas. */
import { expect, test } from 'vitest';
import { answerOfReplicas, type DrillQuestion, type DrillTold } from '../../src/admin/drills-of-replicas.ts';
import { DrillWorld } from '../chaos/drill-world.ts';

const caller = { kind: 'owner' } as const;
const drill = 'atelier/trip';
const halt: DrillQuestion = { method: 'drillHalt', caller, body: { drill, reason: 'enough' } };
const show: DrillQuestion = { method: 'drill', caller, body: { drill } };
const list: DrillQuestion = { method: 'drills', caller, body: {} };
const unknown: DrillTold = { kind: 'conflict', message: 'never started', advice: 'plan it' };

async function ran(): Promise<DrillWorld> {
  const world = new DrillWorld();
  await world.run();
  return world;
}

test('what is to be done the leader does, and this replica does nothing beside it', async () => {
  const world = await ran();
  const asked: DrillQuestion[] = [];
  const told = await answerOfReplicas(
    world.runner,
    async (question) => {
      asked.push(question);
      return unknown;
    },
    halt,
  );
  expect(told).toBe(unknown);
  expect(asked).toEqual([halt]);
  expect(world.view().phase).toBe('running');
});

test('where the leader gives no answer this replica ends what is its own', async () => {
  const world = await ran();
  const told = await answerOfReplicas(world.runner, async () => undefined, halt);
  expect(told.kind).toBe('ok');
  expect(world.view().phase).not.toBe('running');
});

test('a run that the leader does not know is told by the replica that led it', async () => {
  const world = await ran();
  const told = await answerOfReplicas(world.runner, async () => unknown, show);
  expect(told).toMatchObject({ kind: 'ok', value: { drill, phase: 'running' } });
  const empty = new DrillWorld();
  expect(await answerOfReplicas(empty.runner, async () => unknown, show)).toMatchObject({ kind: 'conflict' });
});

test('of two runs the newer is told, whoever led it, and its report as well', async () => {
  const world = await ran();
  const { startedAtMs } = world.view();
  const report: DrillQuestion = { method: 'drillReport', caller, body: { drill, form: 'json', language: 'en' } };
  const theirReport = { text: 'theirs', signature: '', phase: 'completed', verdict: 'held' } as const;
  const leaderWith =
    (beganMs: number) =>
    async ({ method }: DrillQuestion): Promise<DrillTold> =>
      method === 'drill'
        ? { kind: 'ok', value: { ...world.view(), phase: 'completed', startedAtMs: beganMs } }
        : { kind: 'ok', value: theirReport };
  for (const [beganMs, phase, isTheirs] of [
    [startedAtMs + 1, 'completed', true],
    [startedAtMs - 1, 'running', false],
  ] as const) {
    const leader = leaderWith(beganMs);
    expect(await answerOfReplicas(world.runner, leader, show)).toMatchObject({ kind: 'ok', value: { phase } });
    const told = await answerOfReplicas(world.runner, leader, report);
    expect(told.kind === 'ok' && told.value === theirReport).toBe(isTheirs);
    expect(told.kind).toBe('ok');
  }
});

test('a list has the leader’s drills, and the runs of this replica', async () => {
  const world = await ran();
  const [view] = world.runner.list({ name: 'owner', tenant: undefined, mayStrike: true });
  if (view === undefined) throw new Error('no run');
  const declared = { ...view, drill: 'atelier/other', phase: 'declared' as const };
  const told = await answerOfReplicas(world.runner, async () => ({ kind: 'ok', value: [declared] }), list);
  expect(told).toMatchObject({ kind: 'ok', value: [{ drill: 'atelier/other' }, { drill, phase: 'running' }] });
});
