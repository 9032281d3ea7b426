/**
 * Ten thousand random courses of a run: events in any order, twice, late, of proxies that are no part of it.
 *
 * What is promised of every one of them is asserted after every step. The seed is printed by the run, and on failure.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { step } from '../../src/chaos/machine.ts';
import { isActive, owing, planRun, type Run } from '../../src/chaos/run.ts';
import { RunBook } from '../../src/chaos/run-book.ts';
import type { AbortCause, RunEvent } from '../../src/chaos/run-event.ts';
import { MemoryJournal } from './drill-world.ts';
import { plan, planned } from './run-fixture.ts';

const traces = 10_000;

const proxies = ['a/one', 'a/two', 'a/three'];
const proxy = fc.constantFrom(...proxies, 'a/watcher', 'b/stranger');
/** News of several at once, some of them twice. */
const several = fc.array(proxy, { minLength: 1, maxLength: 3 });
const causes: readonly AbortCause[] = [
  'halt',
  'lever',
  'consent',
  'store',
  'restart',
  'clock',
  'watchdog',
  'outranked',
];

const cleanOf = (keys: readonly string[]): RunEvent => ({
  kind: 'clean',
  proxies: keys.map((key) => ({ proxy: key, differs: [] })),
});

const event: fc.Arbitrary<RunEvent> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('ana', 'bob').map((by): RunEvent => ({ kind: 'approved', by })) },
  { weight: 3, arbitrary: fc.constantFrom('ana', 'bob').map((by): RunEvent => ({ kind: 'started', by })) },
  { weight: 6, arbitrary: several.map((keys): RunEvent => ({ kind: 'looked', proxies: keys })) },
  { weight: 1, arbitrary: proxy.map((key): RunEvent => ({ kind: 'excluded', proxy: key, why: 'gone' })) },
  {
    weight: 4,
    arbitrary: fc
      .record({ phase: fc.constantFrom('before' as const, 'after' as const), fails: fc.integer({ min: 0, max: 5 }) })
      .map(
        ({ phase, fails }): RunEvent => ({
          kind: 'measured',
          phase,
          measures: [],
          failing: fails === 0 ? ['works'] : [],
        }),
      ),
  },
  { weight: 5, arbitrary: several.map((keys): RunEvent => ({ kind: 'effective', proxies: keys })) },
  { weight: 1, arbitrary: proxy.map((key): RunEvent => ({ kind: 'refused', proxy: key, why: 'NACK' })) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        probe: fc.constantFrom('works', 'fast', 'unknown'),
        state: fc.constantFrom('within' as const, 'breach' as const, 'silent' as const),
      })
      .map(({ probe, state }): RunEvent => ({ kind: 'probe', probe, state })),
  },
  { weight: 1, arbitrary: fc.constantFrom('ShopDown', 'Other').map((name): RunEvent => ({ kind: 'alert', name })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...causes).map((cause): RunEvent => ({ kind: 'abort', cause, reason: cause, by: '' })),
  },
  { weight: 1, arbitrary: fc.constant<RunEvent>({ kind: 'deadline' }) },
  { weight: 8, arbitrary: several.map(cleanOf) },
  { weight: 3, arbitrary: several.map((keys): RunEvent => ({ kind: 'expired', proxies: keys })) },
);

/** A course that leads through every stage: chance drops, doubles and displaces its events, and strews others between. */
const course: readonly RunEvent[] = [
  { kind: 'approved', by: 'bob' },
  { kind: 'started', by: 'ana' },
  ...proxies.map((key): RunEvent => ({ kind: 'looked', proxies: [key] })),
  { kind: 'measured', phase: 'before', measures: [], failing: [] },
  ...proxies.map((key): RunEvent => ({ kind: 'effective', proxies: [key] })),
  { kind: 'deadline' },
  ...[...proxies, 'a/watcher'].map((key) => cleanOf([key])),
  { kind: 'measured', phase: 'after', measures: [], failing: [] },
  ...[...proxies, 'a/watcher'].map((key) => cleanOf([key])),
];

const disturbance = fc.record({
  fate: fc.constantFrom('kept', 'kept', 'kept', 'kept', 'kept', 'kept', 'kept', 'kept', 'dropped', 'doubled', 'late'),
  strewn: fc.oneof(
    { weight: 4, arbitrary: fc.constant<readonly RunEvent[]>([]) },
    { weight: 1, arbitrary: fc.array(event, { maxLength: 3 }) },
  ),
});

const trace = fc.record({
  watched: fc.boolean(),
  second: fc.boolean(),
  events: fc
    .tuple(
      fc.array(disturbance, { minLength: course.length, maxLength: course.length }),
      fc.array(event, { maxLength: 20 }),
    )
    .map(([disturbances, tail]) => [...disturbed(disturbances), ...tail]),
});

function disturbed(disturbances: readonly { fate: string; strewn: readonly RunEvent[] }[]): readonly RunEvent[] {
  const late: RunEvent[] = [];
  const on = course.flatMap((own, index) => {
    const { fate = 'kept', strewn = [] } = disturbances[index] ?? {};
    if (fate === 'late') late.push(own);
    const kept = fate === 'kept' ? [own] : fate === 'doubled' ? [own, own] : [];
    return [...kept, ...strewn];
  });
  return [...on, ...late];
}

/** What is laid on each proxy by the effects alone: the truth that the run must account for. */
class World {
  readonly fault = new Set<string>();
  readonly layers = new Set<string>();
  /** Lifted by us, and not seen clean or expired since. */
  readonly unsettled = new Set<string>();
  faultsLaid = 0;

  take(before: Run, { run, effects }: ReturnType<typeof step>, happened: RunEvent): void {
    if (happened.kind === 'clean') for (const each of happened.proxies) this.#settle(before, run, each.proxy);
    if (happened.kind === 'expired') for (const key of happened.proxies) this.#settle(before, run, key);
    for (const effect of effects) {
      if (effect.kind === 'measure' || effect.kind === 'look') continue;
      for (const key of effect.proxies) {
        if (effect.kind === 'lift') {
          this.layers.delete(key);
          this.fault.delete(key);
        } else {
          this.layers.add(key);
          this.unsettled.add(key);
          if (effect.kind === 'lay') this.fault.add(key);
        }
      }
      if (effect.kind === 'lay') this.faultsLaid += 1;
    }
  }

  #settle(before: Run, after: Run, key: string): void {
    if (before.proxies.get(key) !== after.proxies.get(key)) this.unsettled.delete(key);
  }
}

test('in ten thousand random courses every promise of the machine holds', () => {
  let faults = 0;
  let ends = 0;
  fc.assert(
    fc.property(trace, ({ watched, second, events }) => {
      const first = planned(plan(proxies, watched ? [...proxies, 'a/watcher'] : [], second));
      const world = new World();
      let run = planRun(first);
      for (const [index, happened] of events.entries()) {
        const result = step(run, happened, index);
        const does = result.effects.map(({ kind }) => kind);
        must(result.run !== run || does.length === 0, 'what changes nothing does nothing');
        must(run.stage !== 'over' || result.run === run, 'what is over stays');
        must(run.ending === undefined || !does.includes('lay'), 'what has ended lays no fault');
        must(!run.quiet || !does.includes('watch'), 'where leave was taken back nothing is laid at all');
        const isBounded = run.stage === 'before' || run.stage === 'during' || run.stage === 'after';
        must(happened.kind !== 'deadline' || !isBounded || result.run.stage !== run.stage, 'a deadline moves it on');
        world.take(run, result, happened);
        run = result.run;
        must(run.stage === 'during' || world.fault.size === 0, 'the fault lies in one stage only');
        must(
          [...world.layers].every((key) => run.proxies.get(key)?.owes === 'lift'),
          'what lies is owed',
        );
        must(
          [...world.unsettled].sort().join() === [...owing(run)].sort().join(),
          'what is owed was laid, and not seen gone',
        );
        must(run.stage !== 'over' || world.unsettled.size + world.layers.size === 0, 'nothing is owed at the end');
        const alone = run.approvedBy === '' || run.approvedBy === run.startedBy;
        must(!second || !isActive(run) || !alone, 'two people start what needs two');
      }
      must(world.faultsLaid <= 1, 'a fault is laid once');
      faults += world.faultsLaid;
      ends += run.stage === 'over' ? 1 : 0;
    }),
    { numRuns: traces },
  );
  // Random events that never lead anywhere would prove nothing.
  expect(faults).toBeGreaterThan(traces / 20);
  expect(ends).toBeGreaterThan(traces / 20);
});

test('told again from the journal, any prefix of a course is the same run and the same story', () => {
  fc.assert(
    fc.property(trace, fc.nat(), ({ watched, second, events }, cut) => {
      const first = planned(plan(proxies, watched ? [...proxies, 'a/watcher'] : [], second));
      const prefix = events.slice(0, cut % (events.length + 1));
      const journal = new MemoryJournal();
      const book = new RunBook(journal, []);
      const { entry } = book.begin(first, [{ kind: 'approved', by: 'bob' }], 0);
      for (const [index, happened] of prefix.entries()) book.commit(entry, [happened], index);
      const again = new RunBook(journal, journal.kept).newest('atelier/trip');
      expect(again?.run).toEqual(entry.run);
      expect(again?.timeline).toEqual(entry.timeline);
    }),
    { numRuns: 500 },
  );
});

/** As `expect`, at the pace of a million checks. */
function must(condition: boolean, promise: string): void {
  if (!condition) throw new Error(`broken: ${promise}`);
}
