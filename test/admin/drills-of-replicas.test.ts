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

test('a run that the leader knows is told by the leader', async () => {
  const world = await ran();
  const theirs: DrillTold = { kind: 'ok', value: { ...world.view(), phase: 'completed' } };
  expect(await answerOfReplicas(world.runner, async () => theirs, show)).toBe(theirs);
});

test('a list has the leader’s drills, and the runs of this replica', async () => {
  const world = await ran();
  const [view] = world.runner.list({ name: 'owner', tenant: undefined, mayStrike: true });
  if (view === undefined) throw new Error('no run');
  const declared = { ...view, drill: 'atelier/other', phase: 'declared' as const };
  const told = await answerOfReplicas(world.runner, async () => ({ kind: 'ok', value: [declared] }), list);
  expect(told).toMatchObject({ kind: 'ok', value: [{ drill: 'atelier/other' }, { drill, phase: 'running' }] });
});
