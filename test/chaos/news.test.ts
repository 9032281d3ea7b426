/** News of many proxies are few events: what a drill at thousands of them costs is counted here, and not timed. */
import { expect, test } from 'vitest';
import { step } from '../../src/chaos/machine.ts';
import { gathered, type News } from '../../src/chaos/news.ts';
import { planRun } from '../../src/chaos/run.ts';
import type { RunEvent } from '../../src/chaos/run-event.ts';
import { documents } from '../fixtures/mesh-from.ts';
import { DrillWorld, MemoryJournal } from './drill-world.ts';
import { plan, planned, untilFault } from './run-fixture.ts';

const names = (count: number) => Array.from({ length: count }, (_, index) => `a/p${index}`);

test('two thousand news of one kind are one event, and one fold settles them all', () => {
  const proxies = names(2_000);
  const events = gathered(proxies.map((proxy): News => ({ kind: 'effective', proxy })));
  expect(events).toEqual([{ kind: 'effective', proxies }]);
  const laid = untilFault(proxies).reduce((run, event) => step(run, event, 1).run, planRun(planned(plan(proxies))));
  const [event] = events;
  if (event === undefined) throw new Error('one event');
  const { run } = step(laid, event, 2);
  expect([...run.proxies.values()].filter(({ progress }) => progress === 'effective')).toHaveLength(2_000);
});

test('of news that come mixed each kind is one event, in the order of a course, and nothing is lost', () => {
  const mixed: readonly News[] = [
    { kind: 'expired', proxy: 'a/1' },
    { kind: 'clean', proxy: 'a/2', differs: ['cluster/x'] },
    { kind: 'looked', proxy: 'a/3' },
    { kind: 'clean', proxy: 'a/4' },
    { kind: 'expired', proxy: 'a/5' },
  ];
  expect(gathered(mixed)).toEqual([
    { kind: 'looked', proxies: ['a/3'] },
    { kind: 'clean', proxies: [{ proxy: 'a/2', differs: ['cluster/x'] }, { proxy: 'a/4' }] },
    { kind: 'expired', proxies: ['a/1', 'a/5'] },
  ]);
  expect(gathered([])).toEqual([]);
});

test('in one event each proxy is judged by itself: one differs, one is no part of it, one comes twice', () => {
  const proxies = ['a/p0', 'a/p1'];
  const events: readonly RunEvent[] = [
    ...untilFault(proxies),
    { kind: 'deadline' },
    {
      kind: 'clean',
      proxies: [
        { proxy: 'a/p0', differs: ['cluster/x'] },
        { proxy: 'b/other', differs: [] },
        { proxy: 'a/p1', differs: [] },
        { proxy: 'a/p1', differs: [] },
      ],
    },
  ];
  const run = events.reduce((each, event) => step(each, event, 1).run, planRun(planned(plan(proxies))));
  expect(run.stage).toBe('after');
  expect([...run.proxies].map(([key, { progress, differs }]) => [key, progress, differs])).toEqual([
    ['a/p0', 'clean', ['cluster/x']],
    ['a/p1', 'clean', []],
  ]);
});

test('a drill at a hundred proxies folds and writes down as often as one at one', async () => {
  const pods = names(100).map(
    (name, index) => `
apiVersion: v1
kind: Pod
metadata: { name: web-${name.slice(3)}x, namespace: atelier, labels: { app: web } }
spec: { serviceAccountName: web }
status: { podIPs: [{ ip: 10.3.0.${index} }], conditions: [{ type: Ready, status: "True" }] }
`,
  );
  const folds = async (services: string | undefined, percent: number) => {
    const journal = new MemoryJournal();
    const house = 'secondPersonAbove: { percent: 100, callers: 1000 }';
    const world = new DrillWorld({ percent, house, ...(services === undefined ? {} : { services }) }, journal);
    await world.run();
    const struck = world.struck().length;
    await world.pass(80_000);
    expect(world.view()).toMatchObject({ phase: 'completed', verdict: 'held' });
    const events = journal.kept.flatMap(({ body }) => (JSON.parse(body) as { events: RunEvent[] }).events);
    return { struck, records: journal.kept.length, kinds: events.map(({ kind }) => kind) };
  };
  const [one, many] = [await folds(undefined, 25), await folds(documents(...pods), 100)];
  expect([one.struck, many.struck]).toEqual([1, 104]);
  expect(many.kinds).toEqual(one.kinds);
  expect(many.records).toBe(one.records);
  expect(one.kinds.filter((kind) => kind === 'effective')).toHaveLength(1);
});
