/** From the chain to a sink: in order, at least once, nothing lost that is there, and what is not there counted. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Wanted } from '../../src/siem/batch.ts';
import { Forwarder, headEveryMs, headEveryRecords } from '../../src/siem/forwarder.io.ts';
import { delivered } from '../../src/siem/sink.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { FakeSink, until, type World, worldIn } from './fake-world.ts';
import { numbered, placed, sampleEvents } from './sample-events.ts';

let world: World;
let sink: FakeSink;

beforeEach(async () => {
  world = worldIn(await temporaryFolder());
  sink = new FakeSink();
});

function forwarder(wanted: Wanted = { paths: 'shape' }): Forwarder {
  const made = new Forwarder('siem', sink, wanted, world.ports);
  onTestFinished(() => made.stop());
  return made;
}

/** Woken, and at rest again: everything told, or waiting to try again. */
async function settled(made: Forwarder): Promise<void> {
  made.wake();
  await until(() => made.state().lag === 0 || made.state().failing !== undefined);
  await made.idle();
}

const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `ev-${from + index}`);

test('a new sink is told everything that is kept, in order, and then what comes', async () => {
  world.store.keep(numbered, 1_234);
  const made = forwarder();
  await settled(made);
  expect(sink.taken).toEqual(ids(1, 1_234));
  world.store.keep(numbered);
  await settled(made);
  expect(sink.taken.at(-1)).toBe('ev-1235');
  expect(made.state()).toMatchObject({ position: 1_235, lag: 0, lost: 0, failing: undefined });
});

test('after a restart it goes on where it was, and nothing is told twice', async () => {
  world.store.keep(numbered, 3);
  const first = forwarder();
  await settled(first);
  await first.stop();
  world.store.keep(numbered, 2);
  await settled(forwarder());
  expect(sink.taken).toEqual(ids(1, 5));
});

test('while a sink is down memory holds one batch, the chain holds the rest, and nothing is lost', async () => {
  sink.answer = () => ({ kind: 'retry', message: 'refused' });
  const made = forwarder();
  world.store.keep(numbered, 2_000);
  await settled(made);
  for (let tries = 0; tries < 5; tries += 1) {
    made.wake(); // new events do not hurry a sink that failed
    world.clock.advance(300_000);
    await made.idle();
  }
  expect(sink.batches).toHaveLength(6);
  expect(Math.max(...sink.batches.map((batch) => batch.length))).toBeLessThanOrEqual(501);
  expect(made.state()).toMatchObject({ lag: 2_000, failing: 'refused' });
  sink.answer = () => delivered;
  world.clock.advance(300_000);
  await until(() => made.state().lag === 0);
  await made.idle();
  expect(sink.taken).toEqual(ids(1, 2_000));
  expect(world.told).toEqual([
    { kind: 'sink-failing', sink: 'siem', message: 'refused' },
    { kind: 'sink-recovered', sink: 'siem', failedMs: 1_800_000 },
  ]);
});

test('each failure doubles the wait, up to five minutes, and a longer one that the sink asks for is kept', async () => {
  sink.answer = () => ({ kind: 'retry', message: 'busy' });
  world.store.keep(numbered);
  const made = forwarder();
  await settled(made);
  for (const waitMs of [1_000, 2_000, 4_000, 8_000]) {
    const before = sink.batches.length;
    world.clock.advance(waitMs - 1);
    await made.idle();
    expect(sink.batches).toHaveLength(before);
    world.clock.advance(1);
    await until(() => sink.batches.length === before + 1);
    await made.idle();
  }
  sink.answer = () => ({ kind: 'retry', message: 'busy', afterMs: 90_000 });
  world.clock.advance(16_000);
  await until(() => sink.batches.length === 6);
  await made.idle();
  world.clock.advance(89_999);
  await made.idle();
  expect(sink.batches).toHaveLength(6);
});

test('one record that is refused for good is put aside, and every other arrives once and in order', async () => {
  world.store.keep(numbered, 100);
  sink.answer = (batch) =>
    batch.some(({ id }) => id === 'ev-37') ? { kind: 'refused', message: 'answered 400' } : delivered;
  const made = forwarder();
  await settled(made);
  expect(sink.taken).toEqual(ids(1, 100).filter((id) => id !== 'ev-37'));
  expect(sink.batches.length).toBeLessThan(20);
  expect(made.state()).toMatchObject({ deadLetters: 1, lag: 0 });
  expect(world.told).toEqual([{ kind: 'sink-dead-letter', sink: 'siem', id: 'ev-37', message: 'answered 400' }]);
  const [letter, ...none] = (await readFile(join(world.ports.folder, 'siem.refused.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n');
  expect(none).toEqual([]);
  expect(JSON.parse(letter ?? '')).toMatchObject({ why: 'answered 400', record: { metadata: { uid: 'ev-37' } } });
});

test('a sink that fails in the middle of a divided batch is not told the beginning again', async () => {
  world.store.keep(numbered, 8);
  let calls = 0;
  sink.answer = (batch) => {
    calls += 1;
    if (batch.some(({ id }) => id === 'ev-1')) return { kind: 'refused', message: 'answered 400' };
    return calls > 6 ? { kind: 'retry', message: 'gone' } : delivered;
  };
  const made = forwarder();
  await settled(made);
  const before = [...sink.taken];
  expect(before.length).toBeGreaterThan(0);
  sink.answer = () => delivered;
  world.clock.advance(300_000);
  await until(() => made.state().lag === 0);
  expect(sink.taken).toEqual(ids(2, 8));
  expect(made.state().deadLetters).toBe(1);
});

test('what retention took before it was told is counted once, and told', async () => {
  world.store.keep(numbered, 2);
  const made = forwarder();
  await settled(made);
  sink.answer = () => ({ kind: 'retry', message: 'down' });
  world.store.keep(numbered, 10);
  world.store.prune(9);
  await settled(made);
  sink.answer = () => delivered;
  world.clock.advance(300_000);
  await until(() => made.state().lag === 0);
  expect(sink.taken).toEqual([...ids(1, 2), ...ids(9, 12)]);
  expect(world.told).toContainEqual({ kind: 'sink-lost', sink: 'siem', count: 6, exact: true });
  expect(made.state().lost).toBe(6);
});

test('what was gone before a sink came is not its loss', async () => {
  world.store.keep(numbered, 10);
  world.store.prune(6);
  const made = forwarder();
  await settled(made);
  expect(sink.taken).toEqual(ids(6, 10));
  expect(made.state().lost).toBe(0);
});

test('a sink of some classes gets those, and its cursor passes over the rest', async () => {
  const { request, loss } = sampleEvents;
  if (request === undefined || loss === undefined) throw new Error('no samples');
  world.store.keep((position) => placed(position % 2 === 0 ? request : loss, position), 10);
  const made = forwarder({ paths: 'shape', classes: ['audit'] });
  await settled(made);
  expect(sink.taken).toEqual(Array.from({ length: 5 }, () => 'ev-loss'));
  expect(made.state()).toMatchObject({ position: 10, lag: 0, lost: 0 });
});

test('events of another replica are left to its own forwarder', async () => {
  world.store.keep(numbered);
  world.store.events.push(placed(numbered(1).event, 7, 'coffre-1'));
  await settled(forwarder());
  expect(sink.taken).toEqual(['ev-1']);
});

test('a signed head goes with the first events, and then every ten minutes or ten thousand records, while there are new ones', async () => {
  const made = forwarder();
  world.store.keep(numbered);
  await settled(made);
  expect(sink.heads).toEqual(['head-coffre-0-1']);
  expect(world.clock.timers).toBe(0);

  world.store.keep(numbered);
  await settled(made);
  expect(sink.heads).toHaveLength(1);
  world.clock.advance(headEveryMs);
  await until(() => sink.heads.length === 2);
  await made.idle();
  expect(sink.heads).toEqual(['head-coffre-0-1', 'head-coffre-0-2']);
  expect(world.clock.timers).toBe(0);

  world.store.keep(numbered, headEveryRecords);
  await settled(made);
  expect(sink.heads.at(-1)).toBe(`head-coffre-0-${headEveryRecords + 2}`);
});

test('a chain that ends before what was told is told, and what comes behind its end is new', async () => {
  world.store.keep(numbered, 5);
  const first = forwarder();
  await settled(first);
  await first.stop();
  const restored = worldIn(world.ports.folder);
  restored.store.keep(numbered, 2);
  world = restored;
  const second = forwarder();
  await settled(second);
  expect(restored.told).toEqual([{ kind: 'sink-ahead', sink: 'siem', told: 5, head: 2 }]);
  restored.store.keep((position) => placed({ ...numbered(position).event, id: 'after-restore' }, position));
  await settled(second);
  expect(sink.taken).toEqual([...ids(1, 5), 'after-restore']);
});

test('a store that cannot be asked is asked again', async () => {
  world.store.keep(numbered);
  world.store.failing = 'busy';
  const made = forwarder();
  await settled(made);
  expect(made.state().failing).toBe('the store: busy');
  world.store.failing = undefined;
  world.clock.advance(1_000);
  await until(() => sink.taken.length === 1);
});

test('a cursor that is damaged is never taken for the beginning', async () => {
  world.store.keep(numbered);
  await writeFile(join(world.ports.folder, 'siem.cursor.json'), '{"replica":"coffre-0","position":-3,"since":0}');
  const made = forwarder();
  await settled(made);
  expect(made.state().failing).toMatch(/siem\.cursor\.json is damaged; remove it/);
  expect(sink.batches).toEqual([]);
});

test('a cursor that cannot be written stops no delivery, and is told', async () => {
  world.store.keep(numbered);
  const made = forwarder();
  await settled(made);
  await rm(world.ports.folder, { recursive: true });
  world.store.keep(numbered, 2);
  await settled(made);
  expect(sink.taken).toEqual(ids(1, 3));
  expect(made.state().failing).toMatch(/delivered, but the cursor was not written/);
});

test('a sink that takes too long is given up after thirty seconds', async () => {
  world.store.keep(numbered);
  sink.answer = (_, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve({ kind: 'retry', message: 'too slow' }));
    });
  const made = forwarder();
  made.wake();
  await until(() => sink.batches.length === 1);
  world.clock.advance(30_000);
  await until(() => made.state().failing === 'too slow');
});

test('it stops in a bound, even while a sink answers nothing at all', async () => {
  world.store.keep(numbered);
  sink.answer = () => new Promise(() => undefined);
  const made = new Forwarder('siem', sink, { paths: 'shape' }, world.ports);
  made.wake();
  await until(() => sink.batches.length === 1);
  let stopped = false;
  void made.stop().then(() => {
    stopped = true;
  });
  world.clock.advance(5_000);
  await until(() => stopped);
  expect(made.state().lag).toBe(1);
});
