/** The recorder over the real store: groups, a file that is full, and the same events told twice. */
import { expect, onTestFinished, test } from 'vitest';
import { Recorder } from '../../../src/evidence/recorder/recorder.ts';
import type { EvidenceStore } from '../../../src/evidence/store.ts';
import { denial } from '../dull-events.ts';
import { FakeClock } from '../fake-clock.ts';
import { SqliteWorld } from '../sqlite/sqlite-world.ts';

async function opened(bytesMax?: number) {
  const world = new SqliteWorld();
  onTestFinished(() => world.remove());
  return { world, store: await world.open(bytesMax === undefined ? {} : { bytesMax }) };
}

function recorderOver(store: () => EvidenceStore) {
  const alarms: (string | undefined)[] = [];
  let ids = 0;
  const recorder = new Recorder({
    store: { append: (events) => store().append(events) },
    clock: new FakeClock(),
    newId() {
      ids += 1;
      return `own-${ids}`;
    },
    line: () => undefined,
    alarm: (why) => alarms.push(why),
  });
  return { recorder, alarms };
}

async function keptIn(store: EvidenceStore): Promise<readonly string[]> {
  const answer = await store.query({ kinds: ['denial', 'loss'], limit: 1_000 });
  if (answer.kind !== 'events') throw new Error(answer.message);
  return answer.events.map(({ event }) => event.id).reverse();
}

test('a thousand events are kept in their order, each once, also those that are told twice', async () => {
  const { store } = await opened();
  const { recorder } = recorderOver(() => store);
  const ids = Array.from({ length: 1_000 }, (_, index) => `e${index}`);
  for (const id of ids) recorder.record(denial(id));
  for (const id of ids.slice(0, 10)) recorder.record(denial(id));
  await recorder.settled();
  expect(await keptIn(store)).toEqual(ids);
  expect(recorder.losses.size).toBe(0);
});

test('FLT-31 what came while the file could not grow is kept once it may, without gap or duplicate', async () => {
  const { world, store: small } = await opened(400_000);
  let store = small;
  const { recorder, alarms } = recorderOver(() => store);
  const ids = Array.from({ length: 60 }, (_, index) => `e${String(index).padStart(2, '0')}`);
  for (const id of ids) {
    recorder.record(denial(id, { reason: 'x'.repeat(20_000) }));
    await recorder.settled();
  }
  expect(alarms).toHaveLength(1);
  expect((await keptIn(small)).length).toBeLessThan(ids.length);
  store = await world.open();
  await recorder.settled();
  expect(await keptIn(store)).toEqual(ids);
  expect(alarms.at(-1)).toBeUndefined();
});
