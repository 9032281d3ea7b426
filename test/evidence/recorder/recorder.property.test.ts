/** Over any course of events, faults and waits: nothing acknowledged is lost or doubled, losses are exact, memory is bounded. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventKind, LossEvent } from '../../../src/evidence/event.ts';
import { Recorder } from '../../../src/evidence/recorder/recorder.ts';
import { type RecorderLimits, recorderLimits } from '../../../src/evidence/recorder/recorder-limits.ts';
import { action, dullEvents } from '../dull-events.ts';
import { FakeClock } from '../fake-clock.ts';
import { FaultyStore, turn } from '../faulty-store.ts';

const shelf = { itemsMax: 5, bytesMax: 1_500 };
const limits: RecorderLimits = {
  ...recorderLimits,
  shelves: { traffic: shelf, security: shelf, operations: shelf, audit: shelf },
  promised: { itemsMax: 3, bytesMax: 900 },
  batch: { itemsMax: 4, bytesMax: 1_200 },
};
const shelves = 4;

type Step =
  | { readonly kind: 'record'; readonly what: keyof typeof dullEvents; readonly count: number }
  | { readonly kind: 'promise'; readonly count: number }
  | { readonly kind: 'mood'; readonly mood: FaultyStore['mood'] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'turn' };

const recording = fc.record({
  kind: fc.constant('record' as const),
  what: fc.constantFrom(...(Object.keys(dullEvents) as (keyof typeof dullEvents)[])),
  count: fc.integer({ min: 1, max: 9 }),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  ...[recording, recording, recording],
  fc.record({ kind: fc.constant('promise' as const), count: fc.integer({ min: 1, max: 2 }) }),
  fc.record({
    kind: fc.constant('mood' as const),
    mood: fc.constantFrom(...(['well', 'well', 'full', 'blocked', 'throws', 'held', 'held'] as const)),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, limits.retryMs, limits.answerMs) }),
  fc.constant({ kind: 'turn' as const }),
);

test('nothing acknowledged is lost or doubled, losses are counted exactly, order is kept, memory is bounded', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
      const [store, clock] = [new FaultyStore(), new FakeClock()];
      let ids = 0;
      const newId = () => {
        ids += 1;
        return String(ids);
      };
      const recorder = new Recorder({ store, clock, newId, line: () => undefined, alarm: () => undefined }, limits);
      const recorded = new Map<string, EventKind>();
      const promises: { readonly ids: readonly string[]; answer?: string; late: boolean }[] = [];
      let stalled = false;

      for (const step of steps) {
        if (step.kind === 'record') {
          for (let count = 0; count < step.count; count += 1) {
            const event = dullEvents[step.what](newId());
            recorded.set(event.id, event.kind);
            recorder.record(event);
          }
        }
        if (step.kind === 'promise') {
          const events = Array.from({ length: step.count }, () => action(newId()));
          const promise: (typeof promises)[number] = { ids: events.map(({ id }) => id), late: false };
          promises.push(promise);
          recorder.recordNow(events).then(({ kind }) => {
            promise.answer = kind;
            promise.late = stalled;
          });
        }
        if (step.kind === 'mood') {
          store.mood = step.mood;
          if (step.mood !== 'held') store.release();
        }
        if (step.kind === 'wait') {
          stalled = step.ms === limits.answerMs;
          clock.advance(step.ms);
          await turn();
          stalled = false;
        }
        if (step.kind === 'turn') await turn();
        expect(recorder.waiting.events).toBeLessThanOrEqual(shelves * shelf.itemsMax + limits.promised.itemsMax);
        expect(recorder.waiting.bytes).toBeLessThanOrEqual(shelves * shelf.bytesMax + limits.promised.bytesMax);
      }
      store.mood = 'well';
      store.release();
      await turn();
      clock.advance(limits.retryMs);
      await turn();
      await recorder.settled();

      const kept = store.kept.filter(({ kind }) => kind !== 'loss');
      const keptIds = kept.map(({ id }) => id);
      expect(new Set(keptIds).size).toBe(keptIds.length);
      expect(keptIds.map(Number)).toEqual(keptIds.map(Number).sort((one, two) => one - two));

      const lost = new Map<EventKind, number>();
      for (const [id, kind] of recorded) if (!keptIds.includes(id)) lost.set(kind, (lost.get(kind) ?? 0) + 1);
      expect(new Map(recorder.losses)).toEqual(lost);
      const told = new Map<EventKind, number>();
      for (const { kinds } of store.kept.filter((event): event is LossEvent => event.kind === 'loss')) {
        for (const [kind, count] of Object.entries(kinds ?? {}) as [EventKind, number][]) {
          told.set(kind, (told.get(kind) ?? 0) + count);
        }
      }
      expect(told).toEqual(lost);

      for (const { ids: promised, answer, late } of promises) {
        expect(answer).toBeDefined();
        if (answer === 'kept') expect(keptIds).toEqual(expect.arrayContaining([...promised]));
        // Of a write that was not answered in time nobody can know, and the answer says so.
        else if (!late) expect(promised.filter((id) => keptIds.includes(id))).toEqual([]);
      }
      expect(clock.timers).toBe(0);
    }),
    { numRuns: 300 },
  );
});
