/** A control plane that does not lead, or leads no more. */
import { expect, test } from 'vitest';
import { ana, DrillWorld, owner } from './drill-world.ts';

const another = { message: 'the replica `coffre-1` leads, and this one does not', advice: 'ask it' };

test('FLT-34 nothing is planned, approved or begun where another commands', async () => {
  const world = new DrillWorld();
  const plan = await world.runner.plan('atelier/trip', ana);
  if (plan.kind !== 'ok') throw new Error(plan.message);
  world.outranked = another;
  const { hash } = plan.value;
  for (const answer of [
    await world.runner.plan('atelier/trip', ana),
    await world.runner.approve('atelier/trip', hash, ana),
    await world.runner.start('atelier/trip', hash, owner),
  ]) {
    expect(answer).toEqual({ kind: 'refused', ...another });
  }
  await world.pass(10_000);
  expect(world.sent).toEqual([]);
});

test('FLT-34 a drill under way ends in the turn in which another commands, and is recorded as aborted', async () => {
  const world = new DrillWorld();
  await world.run();
  expect(world.struck()).toHaveLength(2);
  world.outranked = another;
  world.runner.lookAgain();
  expect(world.sent.slice(-2).map(({ kind }) => kind)).toEqual(['lift', 'lift']);
  await world.pass(20_000);
  expect(world.struck()).toEqual([]);
  const { phase, reason, timeline } = world.view();
  expect({ phase, reason }).toEqual({ phase: 'aborted', reason: `${another.message}; 2 confirmed` });
  expect(timeline.map(({ what }) => what)).toContain('outranked');
});

test('FLT-34 whoever is told of it by nobody finds out within a second', async () => {
  const world = new DrillWorld();
  await world.run();
  world.outranked = another;
  await world.pass(1_100);
  expect(world.struck()).toEqual([]);
});

test('halting is allowed to whoever commands no more', async () => {
  const world = new DrillWorld();
  await world.run();
  world.outranked = another;
  const halted = await world.runner.halt('atelier/trip', ana, 'enough');
  expect(halted.kind).toBe('ok');
  await world.pass(20_000);
  expect(world.view().phase).toBe('aborted');
});

test('the lever that whoever commands has pulled holds here, over a restart, until it is released', async () => {
  const world = new DrillWorld();
  const former = new DrillWorld();
  await former.runner.haltAll(owner, 'customers suffer');
  const [event] = former.events.filter(({ kind }) => kind === 'lever');
  if (event?.kind !== 'lever') throw new Error('nobody was told');
  world.runner.takeLever(event.lever);
  world.restart();
  const start = async () => {
    const plan = await world.runner.plan('atelier/trip', owner);
    if (plan.kind !== 'ok') throw new Error(plan.message);
    return world.runner.start('atelier/trip', plan.value.hash, owner);
  };
  expect(await start()).toMatchObject({
    kind: 'refused',
    message: 'the lever was pulled by `owner`: customers suffer',
  });
  world.runner.takeLever({ ...event.lever, pulled: false, atMs: event.lever.atMs - 1 });
  expect((await start()).kind).toBe('refused');
  world.runner.takeLever({ ...event.lever, pulled: false, atMs: event.lever.atMs + 1 });
  expect((await start()).kind).toBe('ok');
});
