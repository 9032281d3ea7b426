/** The way to the store, case by case; over any course of faults in recorder.property.test.ts. */
import { expect, test } from 'vitest';
import { Recorder } from '../../../src/evidence/recorder/recorder.ts';
import { recorderLimits } from '../../../src/evidence/recorder/recorder-limits.ts';
import { spillLinesPerSecondMax } from '../../../src/evidence/recorder/spill.ts';
import { action, denial, sampled } from '../dull-events.ts';
import { FakeClock } from '../fake-clock.ts';
import { FaultyStore, turn } from '../faulty-store.ts';

const smallLimits = {
  ...recorderLimits,
  shelves: { ...recorderLimits.shelves, security: { itemsMax: 3, bytesMax: 10_000 } },
};

function world(limits = recorderLimits) {
  const store = new FaultyStore();
  const clock = new FakeClock();
  const lines: string[] = [];
  const alarms: (string | undefined)[] = [];
  const observed: string[] = [];
  let ids = 0;
  const recorder = new Recorder(
    {
      ...{ store, clock },
      newId: () => `own-${++ids}`,
      line: (text) => lines.push(text),
      alarm: (why) => alarms.push(why),
      observe: ({ id }) => observed.push(id),
    },
    limits,
  );
  const kept = () => store.kept.map(({ id }) => id);
  return { store, clock, lines, alarms, observed, recorder, kept };
}

test('what one turn records is one write, and what comes during a write is the next one', async () => {
  const { recorder, store, kept } = world();
  store.mood = 'held';
  for (const id of ['a', 'b']) recorder.record(denial(id));
  await turn();
  for (const id of ['c', 'd', 'e']) recorder.record(sampled(id));
  store.mood = 'well';
  store.release();
  await recorder.settled();
  expect(store.writes).toEqual([2, 3]);
  expect(kept()).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('who waits for what was recorded does not wait for what is recorded after it', async () => {
  const { recorder, store, kept } = world({ ...recorderLimits, batch: { itemsMax: 1, bytesMax: 10_000 } });
  const append = store.append.bind(store);
  store.append = (events) => {
    const answer = append(events);
    store.mood = 'held';
    return answer;
  };
  recorder.record(denial('a'));
  const settled = recorder.settled();
  recorder.record(denial('b'));
  await settled;
  expect(kept()).toEqual(['a']);
  store.mood = 'well';
  store.release();
  await recorder.settled();
  expect(kept()).toEqual(['a', 'b']);
});

test('no timer runs while nothing waits', async () => {
  const { recorder, clock } = world();
  recorder.record(denial('a'));
  await recorder.settled();
  expect(clock.timers).toBe(0);
});

test('a write is bounded by count and by bytes, and order is kept', async () => {
  const { recorder, store, kept } = world({ ...recorderLimits, batch: { itemsMax: 2, bytesMax: 10_000 } });
  const ids = ['a', 'b', 'c', 'd', 'e'];
  for (const id of ids) recorder.record(id < 'c' ? denial(id) : sampled(id));
  await recorder.settled();
  expect(store.writes).toEqual([2, 2, 1]);
  expect(kept()).toEqual(ids);
});

test('a full disk keeps the newest denials, counts the rest in one event, and gaps or doubles nothing', async () => {
  const { recorder, store, clock, alarms, kept } = world(smallLimits);
  store.mood = 'full';
  for (const id of ['a', 'b', 'c', 'd', 'e']) recorder.record(denial(id));
  await recorder.settled();
  recorder.record(denial('f'));
  clock.advance(recorderLimits.retryMs * 3);
  await turn();
  expect(alarms).toEqual(['no space left']);
  store.mood = 'well';
  clock.advance(recorderLimits.retryMs);
  await recorder.settled();
  expect(kept()).toEqual(['own-3', 'd', 'e', 'f']);
  expect(store.kept[0]).toMatchObject({ kind: 'loss', where: 'recorder', count: 3, kinds: { denial: 3 } });
  expect(recorder.losses).toEqual(new Map([['denial', 3]]));
  expect(alarms).toEqual(['no space left', undefined]);
  expect(clock.timers).toBe(0);
});

test('a flood of samples pushes out no denial and no human action', async () => {
  const limits = {
    ...recorderLimits,
    shelves: { ...recorderLimits.shelves, traffic: { itemsMax: 2, bytesMax: 9_999 } },
  };
  const { recorder, kept } = world(limits);
  recorder.record(denial('denied'));
  recorder.record(action('acted'));
  for (let count = 0; count < 50; count += 1) recorder.record(sampled(`s${count}`));
  await recorder.settled();
  expect(kept()).toEqual(['own-1', 'denied', 'acted', 's48', 's49']);
});

test('while the disk is full what was refused is said on standard error, so many lines a second', async () => {
  const { recorder, store, clock, lines } = world();
  store.mood = 'full';
  recorder.record(denial('first'));
  await recorder.settled();
  recorder.record(sampled('healthy'));
  for (let count = 0; count < 100; count += 1) recorder.record(denial(`d${count}`));
  expect(lines).toHaveLength(spillLinesPerSecondMax);
  expect(lines[0]).toContain('"first"');
  expect(lines.join()).not.toContain('healthy');
  clock.advance(1_000);
  recorder.record(denial('later'));
  expect(lines.slice(spillLinesPerSecondMax)).toEqual([
    '{"evidence":"not written here","events":81}',
    expect.stringContaining('"later"'),
  ]);
});

test('a line holds no character that a terminal obeys', async () => {
  const { recorder, store, lines } = world();
  store.mood = 'full';
  recorder.record(denial('a', { reason: '\u001b[2J\n\u009b\u202e\u{e0001}' }));
  await recorder.settled();
  expect(lines[0]).toMatch(/^[^\p{Cc}\p{Cf}]*$/u);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ reason: '\u001b[2J\n\u009b\u202e\u{e0001}' });
});

test('a promise is answered as its write was, and is not written later where it failed', async () => {
  const { recorder, store, clock, kept } = world();
  recorder.record(denial('before'));
  expect(await recorder.recordNow([action('a'), action('b')])).toMatchObject({ kind: 'kept' });
  expect(kept()).toEqual(['before', 'a', 'b']);
  for (const mood of ['full', 'blocked', 'throws'] as const) {
    store.mood = mood;
    expect((await recorder.recordNow([action(mood)])).kind).toBe(mood === 'blocked' ? 'blocked' : 'failed');
  }
  store.mood = 'well';
  clock.advance(recorderLimits.retryMs);
  recorder.record(denial('after'));
  await recorder.settled();
  expect(kept()).toEqual(['before', 'a', 'b', 'after']);
});

test('a promise does not wait for the next attempt of a store that failed', async () => {
  const { recorder, store, kept } = world();
  store.mood = 'full';
  recorder.record(denial('a'));
  await recorder.settled();
  store.mood = 'well';
  expect(await recorder.recordNow([action('b')])).toMatchObject({ kind: 'kept' });
  expect(kept()).toEqual(['a', 'b']);
});

test('promises beyond their bound are refused at once', async () => {
  const { recorder, store } = world({ ...recorderLimits, promised: { itemsMax: 1, bytesMax: 10_000 } });
  store.mood = 'held';
  recorder.record(denial('a'));
  await turn();
  const first = recorder.recordNow([action('b')]);
  expect(await recorder.recordNow([action('c')])).toMatchObject({ kind: 'failed' });
  store.mood = 'well';
  store.release();
  expect(await first).toMatchObject({ kind: 'kept' });
});

test('a store that does not answer raises the alarm, holds nobody, and is told nothing twice', async () => {
  const { recorder, store, clock, alarms, kept } = world();
  store.mood = 'held';
  const promised = recorder.recordNow([action('a')]);
  recorder.record(denial('b'));
  await turn();
  const waiting = recorder.recordNow([action('c')]);
  clock.advance(recorderLimits.answerMs);
  for (const answer of [await promised, await waiting, await recorder.recordNow([action('d')])]) {
    expect(answer).toMatchObject({ kind: 'failed', message: 'the store has not answered for 10 s' });
  }
  await recorder.settled();
  store.mood = 'well';
  store.release();
  await turn();
  expect(alarms).toEqual(['the store has not answered for 10 s', undefined]);
  // The promise whose write was under way is the one case in which nobody could know.
  expect(kept()).toEqual(['a', 'b']);
});

test('what can be no record, or is too long, is counted and holds up nothing', async () => {
  const { recorder, store, kept } = world();
  const endless = { reason: '' } as { reason: string; self?: unknown };
  endless.self = endless;
  recorder.record(denial('endless', endless));
  recorder.record(denial('long', { reason: 'x'.repeat(recorderLimits.eventCharactersMax) }));
  recorder.record(denial('i'.repeat(65)));
  recorder.record(denial('timeless', { atMs: Number.NaN }));
  recorder.record(denial('good'));
  expect(await recorder.recordNow([denial('fine'), denial('')])).toMatchObject({ kind: 'failed' });
  await recorder.settled();
  expect(kept()).toEqual(['own-1', 'good']);
  expect(store.kept[0]).toMatchObject({ count: 4 });
});

test('each event is observed as it is taken, and a loss of our own as it is kept', async () => {
  const { recorder, store, clock, observed } = world(smallLimits);
  store.mood = 'full';
  for (const id of ['a', 'b', 'c', 'd']) recorder.record(denial(id));
  await recorder.settled();
  expect(observed).toEqual(['a', 'b', 'c', 'd']);
  store.mood = 'well';
  clock.advance(recorderLimits.retryMs);
  await recorder.settled();
  expect(observed).toEqual(['a', 'b', 'c', 'd', 'own-2']);
});

test('closing tries once more, says what is lost, and leaves no timer', async () => {
  const { recorder, store, clock, lines } = world();
  store.mood = 'full';
  recorder.record(sampled('a'));
  recorder.record(denial('b'));
  await recorder.close();
  expect(clock.timers).toBe(0);
  expect(lines.at(-1)).toBe('{"evidence":"lost at the end","events":2}');
  expect(recorder.losses).toEqual(
    new Map([
      ['request', 1],
      ['denial', 1],
    ]),
  );
  store.mood = 'well';
  recorder.record(denial('late'));
  expect(await recorder.recordNow([action('late')])).toMatchObject({ kind: 'failed' });
  expect(recorder.losses.get('denial')).toBe(2);
});
