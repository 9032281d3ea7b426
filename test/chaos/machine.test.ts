/** The machine of one run: its course, what ends it, what it owes, and what it absorbs. */
import { describe, expect, test } from 'vitest';
import { type RunEffect, step } from '../../src/chaos/machine.ts';
import { phaseOf, type Run } from '../../src/chaos/run.ts';
import type { AbortCause, RunEvent } from '../../src/chaos/run-event.ts';
import { settlementOf, verdictOf } from '../../src/chaos/verdict.ts';
import { clean, halted, plan, runAfter, untilFault } from './run-fixture.ts';

const two = ['a/one', 'a/two'];

function lastEffects(as: ReturnType<typeof plan>, events: readonly RunEvent[]): readonly RunEffect[] {
  const before = runAfter(as, events.slice(0, -1));
  const last = events.at(-1);
  if (last === undefined) throw new Error('no event');
  return step(before, last, 99_000).effects;
}

function afterwards(run: Run, ...events: readonly RunEvent[]): Run {
  return events.reduce((each, event) => step(each, event, 200_000).run, run);
}

const effective = two.map((proxy): RunEvent => ({ kind: 'effective', proxies: [proxy] }));
const steadyAfter: RunEvent = { kind: 'measured', phase: 'after', measures: [], failing: [] };
const wholeCourse: readonly RunEvent[] = [
  ...untilFault(two),
  ...effective,
  { kind: 'deadline' },
  ...two.map((proxy) => clean(proxy)),
  steadyAfter,
];

describe('the course', () => {
  test('a drill that goes as believed is completed and its hypothesis held', () => {
    const run = runAfter(plan(two), wholeCourse);
    expect([phaseOf(run), verdictOf(run), settlementOf(run)]).toEqual(['completed', 'held', '2 confirmed']);
  });

  test('its phases are running, recovering, completed', () => {
    const phases = wholeCourse.map((_, index) => phaseOf(runAfter(plan(two), wholeCourse.slice(0, index + 1))));
    expect([...new Set(phases)]).toEqual(['running', 'recovering', 'completed']);
  });

  test('the start looks at every proxy that is to be struck, and lays nothing', () => {
    expect(lastEffects(plan(two), [{ kind: 'started', by: 'ana' }])).toEqual([
      { kind: 'look', proxies: two },
      { kind: 'measure', phase: 'before' },
    ]);
  });

  test('the fault is laid on all proxies at once, when the last of what is compared afterwards is known', () => {
    const [started, first, second, measured] = untilFault(two);
    if (!started || !first || !second || !measured) throw new Error('four events lead to the fault');
    const laid: readonly RunEffect[] = [
      { kind: 'lay', proxies: two },
      { kind: 'measure', phase: 'during' },
    ];
    expect(lastEffects(plan(two), [started, first, second, measured])).toEqual(laid);
    expect(lastEffects(plan(two), [started, measured, first, second])).toEqual(laid);
    expect(lastEffects(plan(two), [started, measured, first])).toEqual([]);
  });

  test('a steady state that does not hold before is no drill: nothing is laid', () => {
    const run = runAfter(plan(two), [
      { kind: 'started', by: 'ana' },
      {
        kind: 'measured',
        phase: 'before',
        measures: [
          { probe: 'works', phase: 'before', answers: 2, breaches: 1, range: { lowest: 0.5, highest: 1 } },
          { probe: 'fast', phase: 'before', answers: 0, breaches: 0, range: undefined },
        ],
        failing: ['works', 'fast'],
      },
    ]);
    expect(phaseOf(run)).toBe('failed');
    expect(run.ending?.reason).toBe(
      'steady state does not hold before the fault: `works` (0.5 to 1), `fast` (silent: it gave no answer)',
    );
    expect(run.faultAtMs).toBe(0);
  });

  test('a proxy that cannot be looked at is left out, and the rest go on', () => {
    const run = runAfter(plan(two), [
      { kind: 'started', by: 'ana' },
      { kind: 'excluded', proxy: 'a/one', why: 'gone' },
      { kind: 'looked', proxies: ['a/two'] },
      { kind: 'measured', phase: 'before', measures: [], failing: [] },
    ]);
    expect([...run.proxies.values()].map(({ progress }) => progress)).toEqual(['excluded', 'laid']);
  });

  test('with nobody left to strike the drill fails', () => {
    const run = runAfter(plan(['a/one']), [
      { kind: 'started', by: 'ana' },
      { kind: 'excluded', proxy: 'a/one', why: 'gone' },
    ]);
    expect([phaseOf(run), run.ending?.reason]).toEqual(['failed', 'no proxy can take the fault']);
  });

  test('callers that only tell are watched before and after, and lifted at the end', () => {
    const watching = plan(two, [...two, 'a/three']);
    expect(lastEffects(watching, wholeCourse.slice(0, 1))).toContainEqual({
      kind: 'watch',
      proxies: [...two, 'a/three'],
    });
    const withdrawn = [...wholeCourse.slice(0, -1), clean('a/three')];
    expect(lastEffects(watching, withdrawn)).toContainEqual({ kind: 'watch', proxies: [...two, 'a/three'] });
    const closing = runAfter(watching, [...withdrawn, steadyAfter]);
    expect([closing.stage, phaseOf(closing)]).toEqual(['closing', 'recovering']);
    const over = afterwards(closing, ...[...two, 'a/three'].map((proxy) => clean(proxy)));
    expect([phaseOf(over), verdictOf(over)]).toEqual(['completed', 'held']);
  });
});

describe('the second person', () => {
  const wide = plan(two, [], true);

  test('without an approval nothing starts', () => {
    expect(runAfter(wide, [{ kind: 'started', by: 'ana' }]).stage).toBe('planned');
  });

  test('who approved does not start', () => {
    expect(
      runAfter(wide, [
        { kind: 'approved', by: 'ana' },
        { kind: 'started', by: 'ana' },
      ]).stage,
    ).toBe('approved');
  });

  test('another than who approved does', () => {
    expect(
      runAfter(wide, [
        { kind: 'approved', by: 'bob' },
        { kind: 'started', by: 'ana' },
      ]).stage,
    ).toBe('before');
  });
});

describe('what ends it', () => {
  const running = [...untilFault(two), ...effective];
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
  const enders: readonly (readonly [string, RunEvent])[] = [
    ['the deadline', { kind: 'deadline' }],
    ['a breach of a probe that it names', { kind: 'probe', probe: 'works', state: 'breach', value: 0.5 }],
    ['silence of any probe', { kind: 'probe', probe: 'fast', state: 'silent' }],
    ['an alert that it names', { kind: 'alert', name: 'ShopDown' }],
    ...causes.map((cause) => [cause, { kind: 'abort', cause, reason: 'so', by: '' }] as const),
  ];

  test.each(enders)('%s lifts every proxy in the same turn', (_, event) => {
    expect(lastEffects(plan(two), [...running, event])).toEqual([{ kind: 'lift', proxies: two }]);
    expect(runAfter(plan(two), [...running, event]).stage).toBe('withdrawing');
  });

  const goesOn: readonly (readonly [string, RunEvent])[] = [
    ['a breach of another probe', { kind: 'probe', probe: 'fast', state: 'breach', value: 0.5 }],
    ['another alert', { kind: 'alert', name: 'DiskSlow' }],
    ['the refusal of one proxy of two', { kind: 'refused', proxy: 'a/one', why: 'NACK' }],
  ];

  test.each(goesOn)('%s is told and ends nothing', (_, event) => {
    const before = runAfter(plan(two), running);
    const after = afterwards(before, event);
    expect(after).not.toBe(before);
    expect(after.stage).toBe('during');
  });

  test('a breach that ended nothing still deviates', () => {
    const [breach] = goesOn[0]?.slice(1) ?? [];
    if (breach === undefined || typeof breach === 'string') throw new Error('the first goes on by a breach');
    const run = runAfter(plan(two), [
      ...running,
      breach,
      { kind: 'deadline' },
      clean('a/one'),
      clean('a/two'),
      steadyAfter,
    ]);
    expect([phaseOf(run), verdictOf(run)]).toEqual(['completed', 'deviated']);
  });

  test('when every proxy refuses, there is no drill', () => {
    const run = runAfter(plan(two), [
      ...running,
      { kind: 'refused', proxy: 'a/one', why: 'NACK' },
      { kind: 'refused', proxy: 'a/two', why: 'NACK' },
    ]);
    expect(run.ending).toEqual({ kind: 'failed', reason: 'no proxy is left that takes the fault' });
    expect(run.stage).toBe('withdrawing');
  });

  test('a halt while it is observed before the fault ends it at once', () => {
    const run = runAfter(plan(two), [{ kind: 'started', by: 'ana' }, halted()]);
    expect([phaseOf(run), run.haltedBy]).toEqual(['aborted', 'bob']);
  });

  test('whoever took back the leave to touch is not touched again, not even to watch', () => {
    const watching = plan(two, two);
    const events = [
      ...running,
      { kind: 'abort', cause: 'consent', reason: 'withdrawn', by: '' } as const,
      clean('a/one'),
      clean('a/two'),
    ];
    expect(lastEffects(watching, events)).toEqual([{ kind: 'measure', phase: 'after' }]);
    const afterHalt = [...running, halted(), clean('a/one'), clean('a/two')];
    expect(lastEffects(watching, afterHalt)).toContainEqual({ kind: 'watch', proxies: two });
  });
});

describe('while it is observed after the fault', () => {
  const observed = wholeCourse.slice(0, -1);

  test('consent that ends takes nothing from a drill that touches nobody any more', () => {
    const lapsed: RunEvent = { kind: 'abort', cause: 'consent', reason: 'its hours are over', by: '' };
    const run = runAfter(plan(two), [...observed, lapsed]);
    expect(run.stage).toBe('after');
    expect(phaseOf(afterwards(run, steadyAfter))).toBe('completed');
    const watching = runAfter(plan(two, two), [...observed, lapsed]);
    expect(watching.stage).toBe('closing');
  });

  test('a halt leaves the recovery unproven, and the end of the fault as it was', () => {
    const run = runAfter(plan(two), [...observed, halted()]);
    expect([phaseOf(run), verdictOf(run)]).toEqual(['completed', 'unproven']);
    expect(run.ending?.reason).toBe(
      'the deadline was reached; the observation after it was cut short: halted by `bob`',
    );
  });
});

describe('what it owes', () => {
  const aborted = [...untilFault(two), ...effective, halted()];

  test('it is not over before every proxy was seen clean or has expired', () => {
    const waiting = runAfter(plan(two), [...aborted, clean('a/one')]);
    expect([phaseOf(waiting), settlementOf(waiting)]).toEqual(['aborting', '1 confirmed, 1 awaited']);
    const settled = afterwards(waiting, { kind: 'expired', proxies: ['a/two'] });
    expect([phaseOf(settled), settlementOf(settled)]).toEqual(['recovering', '1 confirmed, 1 by expiry']);
  });

  test('of twenty proxies three out of reach are told as such', () => {
    const twenty = Array.from({ length: 20 }, (_, index) => `a/p${String(index).padStart(2, '0')}`);
    const run = runAfter(plan(twenty), [
      ...untilFault(twenty),
      halted(),
      ...twenty.slice(0, 17).map((proxy) => clean(proxy)),
      ...twenty.slice(17).map((proxy): RunEvent => ({ kind: 'expired', proxies: [proxy] })),
      steadyAfter,
    ]);
    expect([phaseOf(run), settlementOf(run)]).toEqual(['aborted', '17 confirmed, 3 by expiry']);
  });

  test('a proxy that refused is looked at like the others', () => {
    const run = runAfter(plan(two), [
      ...untilFault(two),
      { kind: 'refused', proxy: 'a/one', why: 'NACK' },
      halted(),
      clean('a/two'),
    ]);
    expect(run.stage).toBe('withdrawing');
    expect(afterwards(run, clean('a/one')).stage).toBe('after');
  });

  test('a configuration that differs afterwards fails the drill, however well it went', () => {
    const run = runAfter(plan(['a/one']), [
      ...untilFault(['a/one']),
      { kind: 'effective', proxies: ['a/one'] },
      { kind: 'deadline' },
      clean('a/one', ['cluster/x']),
      steadyAfter,
    ]);
    expect([phaseOf(run), verdictOf(run)]).toEqual(['failed', 'unproven']);
    expect(run.proxies.get('a/one')?.why).toBe('differs from before: `cluster/x`');
  });

  test('where nobody knows what was before, nothing is proven', () => {
    const run = runAfter(plan(['a/one']), [
      ...untilFault(['a/one']),
      { kind: 'effective', proxies: ['a/one'] },
      { kind: 'abort', cause: 'restart', reason: 'the control plane restarted', by: '' },
      { kind: 'clean', proxies: [{ proxy: 'a/one' }] },
      steadyAfter,
    ]);
    expect([phaseOf(run), verdictOf(run)]).toEqual(['aborted', 'unproven']);
    expect(run.proxies.get('a/one')?.why).toBe('what its configuration was before is no longer known');
  });

  test('after a restart nothing is resumed: what was laid is lifted, again after each', () => {
    const restart: RunEvent = { kind: 'abort', cause: 'restart', reason: 'the control plane restarted', by: '' };
    const events = [...untilFault(two), restart];
    expect(lastEffects(plan(two), events)).toEqual([{ kind: 'lift', proxies: two }]);
    expect(lastEffects(plan(two), [...events, clean('a/one'), restart])).toEqual([
      { kind: 'lift', proxies: ['a/two'] },
    ]);
  });
});

describe('what it absorbs', () => {
  test('every event that comes twice changes nothing the second time', () => {
    for (let length = 1; length <= wholeCourse.length; length += 1) {
      const run = runAfter(plan(two), wholeCourse.slice(0, length));
      const again = wholeCourse[length - 1];
      if (again === undefined) throw new Error('no event');
      // A deadline is of the phase under way: after the fault's own it would be that of what follows.
      if (again.kind !== 'deadline') expect(step(run, again, 1)).toEqual({ run, effects: [] });
    }
  });

  test('what is over stays, whatever comes', () => {
    const over = runAfter(plan(two), wholeCourse);
    for (const event of [...wholeCourse, halted(), { kind: 'alert', name: 'ShopDown' } as const]) {
      expect(step(over, event, 1).run).toBe(over);
    }
  });

  test('news of a proxy that is no part of it is none', () => {
    const run = runAfter(plan(two), untilFault(two));
    for (const kind of ['effective', 'looked', 'expired'] as const) {
      expect(step(run, { kind, proxies: ['b/other'] }, 1).run).toBe(run);
    }
  });
});
