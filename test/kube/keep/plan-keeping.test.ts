/** What is done so that a cluster holds what is wanted, and what is read of it; without a cluster. */
import { describe, expect, test } from 'vitest';
import { informTimings } from '../../../src/kube/inform/timings.ts';
import { Attempts } from '../../../src/kube/keep/attempts.ts';
import { type FoundObject, readFound } from '../../../src/kube/keep/found-object.ts';
import { driftProblem } from '../../../src/kube/keep/keep-problems.ts';
import { type KeptKind, keptLabels, stamped } from '../../../src/kube/keep/kept-kind.ts';
import { hashOf, type Keeping, planKeeping, type Settled } from '../../../src/kube/keep/plan-keeping.ts';
import type { KubeObject } from '../../../src/kube/objects.ts';

const kind: KeptKind = {
  place: { kind: 'ConfigMap', group: '', version: 'v1', plural: 'configmaps' },
  ...{ part: 'tests', content: ['data'], seesOthers: false },
};

function wish(x: string): KubeObject {
  return stamped(kind, { metadata: { name: 'a', namespace: 'shop' }, data: { x } });
}

function found(data: object, more: object = {}, labels: object = keptLabels(kind)): FoundObject {
  const metadata = { name: 'a', namespace: 'shop', uid: 'u', resourceVersion: '7', labels, ...more };
  const read = readFound(kind, { metadata, data });
  if (read === undefined) throw new Error('this is an object');
  return read;
}

function plan(
  wanted: KubeObject | undefined,
  there: FoundObject | undefined,
  last?: Settled,
  more: Partial<Keeping> = {},
) {
  return planKeeping({
    wanted: new Map(wanted === undefined ? [] : [['shop/a', wanted]]),
    found: new Map(there === undefined ? [] : [['shop/a', there]]),
    settled: new Map(last === undefined ? [] : [['shop/a', last]]),
    ...{ revision: '9', isTroubled: false, nowMs: 0, ...more },
  });
}

const settledAs = (wanted: KubeObject, there: FoundObject): Settled => ({
  ...{ wanted: hashOf(wanted), found: there.hash, resourceVersion: '7', atMs: 0 },
});
const behind = { revision: '6' };

describe('the plan', () => {
  test.each<readonly [string, ReturnType<typeof plan>, object[]]>([
    ['nothing wanted, nothing there', plan(undefined, undefined), []],
    ['what is not there is made', plan(wish('1'), undefined), [{ kind: 'create', isLost: false }]],
    [
      'what was there is lost',
      plan(wish('1'), undefined, settledAs(wish('1'), found({ x: '1' }))),
      [{ kind: 'create', isLost: true }],
    ],
    [
      'on a first meeting it is written again',
      plan(wish('1'), found({ x: '1' })),
      [{ kind: 'replace', isDrift: false }],
    ],
    [
      'what settled stays',
      plan(wish('1'), found({ x: '1', default: 'y' }), settledAs(wish('1'), found({ x: '1', default: 'y' }))),
      [],
    ],
    [
      'another wish is written',
      plan(wish('2'), found({ x: '1' }), settledAs(wish('1'), found({ x: '1' }))),
      [{ kind: 'replace', isDrift: false }],
    ],
    [
      'another content is drift',
      plan(wish('1'), found({ x: '9' }), settledAs(wish('1'), found({ x: '1' }))),
      [{ kind: 'replace', isDrift: true }],
    ],
    [
      'a label of ours that is gone is drift',
      plan(wish('1'), found({ x: '1' }, {}, {}), settledAs(wish('1'), found({ x: '1' }))),
      [{ kind: 'replace', isDrift: true }],
    ],
    [
      'a word of others in the metadata is not',
      plan(wish('1'), found({ x: '1' }, { annotations: { note: '1' } }), settledAs(wish('1'), found({ x: '1' }))),
      [],
    ],
    [
      'what was made and is not seen yet is waited for',
      plan(wish('1'), undefined, settledAs(wish('1'), found({ x: '1' })), behind),
      [],
    ],
    [
      'so is what was changed, and is seen as it was',
      plan(wish('2'), found({ x: '1' }), settledAs(wish('2'), found({ x: '2' })), behind),
      [],
    ],
    [
      'another wish does not wait, and blames nobody for what is old',
      plan(wish('3'), found({ x: '1' }), settledAs(wish('2'), found({ x: '2' })), behind),
      [{ kind: 'replace', isDrift: false }],
    ],
    [
      'for a minute, as long as the cluster can be read: it may have been restored',
      plan(wish('2'), found({ x: '1' }), settledAs(wish('2'), found({ x: '2' })), { ...behind, nowMs: 60_000 }),
      [{ kind: 'replace', isDrift: true }],
    ],
    [
      'and for as long as it cannot',
      plan(wish('2'), found({ x: '1' }), settledAs(wish('2'), found({ x: '2' })), {
        ...behind,
        nowMs: 60_000,
        isTroubled: true,
      }),
      [],
    ],
    ['what goes is left to go', plan(wish('1'), found({ x: '9' }, { deletionTimestamp: 'now' })), []],
    ['what is wanted no more is removed', plan(undefined, found({ x: '1' })), [{ kind: 'remove' }]],
    [
      'what never was ours is not',
      plan(undefined, found({ x: '1' }, {}, { 'app.kubernetes.io/managed-by': 'Helm' })),
      [],
    ],
    ['nor what is another part’s', plan(undefined, found({ x: '1' }, {}, keptLabels({ part: 'other' }))), []],
  ])('%s', (_sentence, steps, want) => {
    expect(steps).toMatchObject(want);
    expect(steps).toHaveLength(want.length);
  });
});

describe('who wrote at it', () => {
  const fields = (more: object) => ({ 'f:data': { '.': {}, 'f:x': {} }, 'f:metadata': { 'f:labels': {} }, ...more });
  const entry = (manager: string, fieldsV1: object, more: object = {}) => ({
    manager,
    fieldsV1,
    time: '2027-01-01T00:00:00Z',
    ...more,
  });

  test.each([
    ['nobody', [], []],
    ['ourselves', [entry('coffre', fields({}))], []],
    [
      'a stranger, newest first',
      [entry('old', fields({}), { time: '2026-01-01T00:00:00Z' }), entry('mallory', fields({}))],
      [{ manager: 'mallory', fields: ['data.x'] }, { manager: 'old' }],
    ],
    ['whoever wrote at what is not ours', [entry('kubectl', { 'f:metadata': { 'f:annotations': {} } })], []],
    ['whoever writes status', [entry('controller', fields({}), { subresource: 'status' })], []],
    ['nonsense', ['x', { manager: 7, fieldsV1: 'x' }, null], []],
  ])('%s', (_who, managedFields, want) => {
    const { strangers } = found({ x: '1' }, { managedFields });
    expect(strangers).toMatchObject(want);
    expect(strangers).toHaveLength(want.length);
  });

  test('a hostile name is told as one line in quotes', () => {
    const there = found({ x: '9' }, { managedFields: [entry('a`\nb', fields({}))] });
    const [step] = plan(wish('1'), there, settledAs(wish('1'), found({ x: '1' })));
    expect(step && driftProblem(kind, step)?.message).toBe(
      '`data.x` was changed by `a\ufffd\ufffdb` at 2027-01-01T00:00:00Z, though it follows from the mesh; it is set right',
    );
  });
});

describe('when it is tried again', () => {
  const wait = (attempts: Attempts, nowMs: number) => attempts.dueMs('a', 'w') - nowMs;

  test('later each time, and never later than a bound; another wish at once', () => {
    const attempts = new Attempts(informTimings);
    const waits: number[] = [];
    let nowMs = 1_000;
    for (let count = 0; count < 12; count += 1) {
      attempts.tried('a', 'w', nowMs, 1);
      waits.push(wait(attempts, nowMs));
      nowMs = attempts.dueMs('a', 'w');
    }
    expect(waits.slice(0, 3)).toEqual([200, 400, 800]);
    expect(waits.at(-1)).toBe(informTimings.backoffMaxMs);
    expect(attempts.dueMs('a', 'another')).toBe(0);
    expect(attempts.dueMs('b', 'w')).toBe(0);
  });

  test('as an API server asks, and not longer than a bound', () => {
    const attempts = new Attempts(informTimings);
    attempts.tried('a', 'w', 0, 0, 5_000);
    expect(attempts.dueMs('a', 'w')).toBe(5_000);
    attempts.tried('a', 'w', 5_000, 0, 10 ** 9);
    expect(wait(attempts, 5_000)).toBe(informTimings.retryAfterMaxMs);
  });

  test('whoever leaves it in peace is forgotten', () => {
    const attempts = new Attempts(informTimings);
    for (const nowMs of [0, 1, 2]) attempts.tried('a', 'w', nowMs, 1);
    attempts.tried('a', 'w', 3_600_000, 1);
    expect(wait(attempts, 3_600_000)).toBe(200);
    attempts.keepOnly(new Set());
    expect(attempts.dueMs('a', 'w')).toBe(0);
  });
});
