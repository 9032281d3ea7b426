/** The sinks that the mesh wants, while it changes its mind. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { EvidenceSink } from '../../src/model/evidence-rules.ts';
import { type OpenSinks, openSinks } from '../../src/siem/open-sinks.io.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { until, type World, worldIn } from './fake-world.ts';
import { idIn } from './records.ts';
import { numbered } from './sample-events.ts';

let world: World;
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  world = worldIn(await temporaryFolder());
});

const fileRule = (name: string, file = `${name}.jsonl`): EvidenceSink => ({
  name,
  kind: 'file',
  path: join(folder, file),
  rotateBytes: 1_000_000,
  keep: 1,
});

function opened(rules: readonly EvidenceSink[]): OpenSinks {
  const sinks = openSinks(rules, world.ports);
  onTestFinished(() => sinks.close());
  return sinks;
}

async function told(file: string): Promise<string[]> {
  const lines = (await readFile(join(folder, file), 'utf8')).split('\n').slice(0, -1);
  return lines.map(idIn).filter((id) => !id.startsWith('head-'));
}

const allTold = (sinks: OpenSinks, count: number) =>
  until(() => sinks.states().length === count && sinks.states().every(({ lag }) => lag === 0));

test('each sink has a cursor of its own, and is told what comes when it is woken', async () => {
  world.store.keep(numbered, 2);
  const sinks = opened([fileRule('one'), fileRule('two')]);
  await allTold(sinks, 2);
  world.store.keep(numbered);
  sinks.wake();
  await allTold(sinks, 2);
  expect([await told('one.jsonl'), await told('two.jsonl')]).toEqual(Array(2).fill(['ev-1', 'ev-2', 'ev-3']));
});

test('an equal rule keeps its sink, a changed one goes on behind the same cursor, and one that went is told nothing', async () => {
  world.store.keep(numbered, 2);
  const sinks = opened([fileRule('kept'), fileRule('moved'), fileRule('gone')]);
  await allTold(sinks, 3);
  await sinks.apply([{ ...fileRule('kept') }, fileRule('moved', 'elsewhere.jsonl')]);
  world.store.keep(numbered);
  sinks.wake();
  await allTold(sinks, 2);
  expect(sinks.states().map(({ name, delivered }) => [name, delivered])).toEqual([
    ['kept', 4], // three events and a head: it was not begun anew
    ['moved', 2],
  ]);
  expect(await told('moved.jsonl')).toEqual(['ev-1', 'ev-2']);
  expect(await told('elsewhere.jsonl')).toEqual(['ev-3']);
  expect(await told('gone.jsonl')).toEqual(['ev-1', 'ev-2']);
});

test('a sink that cannot work holds up no other', async () => {
  world.store.keep(numbered);
  const broken: EvidenceSink = { name: 'broken', kind: 'http', url: 'http://siem.example/' };
  const sinks = opened([broken, fileRule('works')]);
  await until(() => sinks.states().some(({ name, lag }) => name === 'works' && lag === 0));
  expect(await told('works.jsonl')).toEqual(['ev-1']);
  await until(() => sinks.states()[0]?.failing !== undefined);
  expect(sinks.states()[0]).toMatchObject({ name: 'broken', lag: 1 });
});

test('whole paths are told where the rule says so', async () => {
  world.store.keep(numbered);
  const sinks = opened([fileRule('shape'), { ...fileRule('whole'), wholePaths: true }]);
  await allTold(sinks, 2);
  const [shape, whole] = await Promise.all(
    ['shape.jsonl', 'whole.jsonl'].map((file) => readFile(join(folder, file), 'utf8')),
  );
  expect([shape?.includes('/orders/9'), whole?.includes('/orders/9')]).toEqual([false, true]);
});

test('after the end nothing is told, and no timer is left', async () => {
  world.store.keep(numbered);
  const sinks = opened([fileRule('one')]);
  await allTold(sinks, 1);
  await sinks.close();
  world.store.keep(numbered);
  sinks.wake();
  expect(sinks.states()).toEqual([]);
  expect(world.clock.timers).toBe(0);
  expect(await told('one.jsonl')).toEqual(['ev-1']);
});
