/** Proxies that lose the fault by themselves, among others that keep it: what ended by its TTL stays ended, and is told. */
import { describe, expect, test } from 'vitest';
import { DrillWorld } from './drill-world.ts';

/** A run whose fault is effective on two proxies, and the first of them. */
async function struckWorld(words?: ConstructorParameters<typeof DrillWorld>[0]) {
  const world = new DrillWorld(words);
  await world.run();
  const [lost = '', kept = ''] = world.struck();
  return { world, lost, kept };
}

const excluded = (proxy: string) => ({
  ...{ proxy, state: 'excluded' },
  why: 'lost the fault by itself: for 10 s nothing reached it',
});

const laysOn = ({ sent }: DrillWorld, proxy: string) =>
  sent.filter((each) => each.kind === 'lay' && each.proxy === proxy).length;

describe('a proxy without a stream', () => {
  test('that is back before its layer can have died goes on as if nothing had been', async () => {
    const { world, lost } = await struckWorld();
    world.runner.left(lost);
    await world.pass(5_999);
    world.runner.returned(lost);
    await world.pass(46_000);
    expect(world.struck()).toContain(lost);
    await world.pass(30_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'held' });
  });

  test('for longer is left out with the reason, given nothing again, and what is left proves nothing', async () => {
    const { world, lost, kept } = await struckWorld();
    world.runner.left(lost);
    await world.pass(6_001);
    expect(world.view().proxies).toContainEqual(excluded(lost));
    await world.pass(1_000);
    expect(world.struck()).toEqual([kept]);
    world.runner.returned(lost);
    await world.pass(10_000);
    expect(world.struck()).toEqual([kept]);
    expect(laysOn(world, lost)).toBe(1);
    await world.pass(80_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'unproven' });
  });

  test('whose loss is told twice is waited for from the first', async () => {
    const { world, lost } = await struckWorld();
    world.runner.left(lost);
    await world.pass(4_000);
    world.runner.left(lost);
    await world.pass(2_001);
    expect(world.view().proxies).toContainEqual(excluded(lost));
  });

  test('on which nothing lies is waited for by nobody', async () => {
    const { world } = await struckWorld();
    const { armed } = world.clock;
    const [idle = ''] = [...world.proxies.keys()].filter((key) => !world.struck().includes(key));
    world.runner.left(idle);
    expect(world.clock.armed).toBe(armed);
  });

  test('when the control plane stops, is waited for no more', async () => {
    const { world, lost } = await struckWorld();
    world.runner.stop();
    await world.pass(20_000);
    const { armed } = world.clock;
    world.runner.left(lost);
    expect(world.clock.armed).toBe(armed);
  });
});

describe('a layer that ran out', () => {
  test('is lifted in the same turn, its proxy left out with the reason, and the rest go on and prove nothing', async () => {
    const { world, lost, kept } = await struckWorld();
    const before = world.sent.length;
    world.runner.lapsed(lost);
    expect(world.sent.slice(before)).toEqual([{ kind: 'lift', proxy: lost, atMs: world.clock.monotonicMs() }]);
    expect(world.view()).toMatchObject({ phase: 'running', proxies: expect.arrayContaining([excluded(lost)]) });
    await world.pass(20_000);
    expect(world.struck()).toEqual([kept]);
    expect(laysOn(world, lost)).toBe(1);
    await world.pass(80_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'unproven' });
  });

  test('everywhere ends the drill, as nobody feels its fault any more', async () => {
    const { world, lost, kept } = await struckWorld();
    world.runner.lapsed(lost);
    world.runner.lapsed(kept);
    await world.pass(1_000);
    expect(world.struck()).toEqual([]);
    expect(world.view().reason).toContain('no proxy is left that takes the fault');
    await world.pass(30_000);
    expect(world.view()).toMatchObject({ phase: 'failed', verdict: 'unproven' });
  });

  test('of a proxy that never felt the fault leaves the verdict to those that did', async () => {
    const { world, lost, kept } = await struckWorld();
    const stranger = [...world.proxies.keys()].find((key) => key !== lost && key !== kept) ?? '';
    world.runner.lapsed(stranger);
    await world.pass(90_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'held' });
    expect(world.view().proxies.map(({ state }) => state)).not.toContain('excluded');
  });
});

test('a control plane frozen for less than its watchdog waits leaves out whoever lost the fault meanwhile', async () => {
  const { world, lost, kept } = await struckWorld({ duration: '300s' });
  world.clock.freeze(9_000);
  world.runner.lapsed(lost);
  await world.pass(2_000);
  expect(world.struck()).toEqual([kept]);
  expect(world.view()).toMatchObject({ phase: 'running', proxies: expect.arrayContaining([excluded(lost)]) });
});

test('a control plane frozen for longer is what ends the drill, also where it hears of every loss before its own timers fire', async () => {
  const { world, lost, kept } = await struckWorld({ duration: '300s' });
  world.clock.freeze(11_000);
  world.runner.lapsed(lost);
  world.runner.lapsed(kept);
  expect(world.view().reason).toContain('nobody judged the drill for 10 s');
  await world.pass(30_000);
  expect(world.view()).toMatchObject({ phase: 'aborted', verdict: 'unproven' });
});
