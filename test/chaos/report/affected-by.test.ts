/** Who felt a fault, counted from what their proxies told. */
import { describe, expect, test } from 'vitest';
import { affectedBy, idleOf } from '../../../src/chaos/report/affected-by.ts';
import { call, occurrence, sampleHappenings } from './sample-happenings.ts';
import { faultMs, sampleRecord } from './sample-record.ts';

const rowsOf = (...args: Parameters<typeof affectedBy>) =>
  affectedBy(...args).map(({ caller, group, failed, seen, isEstimate }) => [caller, group, failed, seen, isEstimate]);

test('each account and group has a row, most failures first, and those that felt nothing are there', () => {
  expect(affectedBy(sampleRecord, sampleHappenings)).toEqual([
    {
      ...{ tenant: 'atelier', caller: 'atelier/web', group: 'struck', proxies: 3, failed: 1_204, seen: 1_504 },
      ...{ isEstimate: false, firstMs: faultMs + 30, lastMs: faultMs + 15_000 },
    },
    {
      ...{ tenant: 'atelier', caller: 'atelier/cron', group: 'spared', proxies: 1, failed: 1, seen: undefined },
      ...{ isEstimate: false, firstMs: faultMs + 900, lastMs: faultMs + 900 },
    },
    {
      ...{ tenant: 'atelier', caller: 'atelier/web', group: 'spared', proxies: 1, failed: 0, seen: 640 },
      ...{ isEstimate: false, firstMs: undefined, lastMs: undefined },
    },
  ]);
});

describe('the numbers', () => {
  const bare = { ...sampleRecord, traffic: [] };

  test('without load reports are those of records, and of a sample an estimate', () => {
    const calls = [
      ...[100, 200, 300].map((atMs) => call(atMs, 'overflow', { proxy: 'atelier/web-1' })),
      call(250, 'passed', { proxy: 'atelier/web-2', standsFor: 100 }),
    ];
    expect(rowsOf(bare, calls)[0]).toEqual(['atelier/web', 'struck', 3, 103, true]);
  });

  test('of proxies that stand for others are an estimate', () => {
    const traffic = [{ proxy: 'atelier/web-1', seen: 10, failed: 3, standsFor: 2.5 }];
    expect(rowsOf({ ...bare, traffic }, [])[0]).toEqual(['atelier/web', 'struck', 8, 25, true]);
  });

  test('are of the drilled edge and of the time in which the fault could be felt', () => {
    const calls = [
      call(-1, 'overflow'),
      call(5, 'failed', { onEdge: false }),
      call(5, 'denied'),
      occurrence(5, 'ejected', 'atelier/api-1'),
      call(22_482, 'failed'),
    ];
    expect(rowsOf(bare, calls).every(([, , failed]) => failed === 0)).toBe(true);
    expect(rowsOf(bare, [...calls, call(22_481, 'failed')])[0]?.[2]).toBe(1);
  });

  test('never tell of more failures than of requests', () => {
    const traffic = [{ proxy: 'atelier/web-1', seen: 1, failed: 1, standsFor: 1 }];
    const calls = [1, 2, 3].map((atMs) => call(atMs, 'overflow', { proxy: 'atelier/web-1' }));
    expect(rowsOf({ ...bare, traffic }, calls)[0]).toEqual(['atelier/web', 'struck', 3, 3, false]);
  });
});

describe('the first and last moment', () => {
  const own = { caller: 'atelier/web', callee: 'atelier/api-1' };
  const told = [call(400, 'answered-error', own), call(900, 'answered-error', own)];
  const traffic = [{ proxy: 'atelier/web-1', seen: 6, failed: 2, standsFor: 1 }];
  const first = (...args: Parameters<typeof affectedBy>) => affectedBy(...args)[0];

  test('are those of the errors that the target says it answered, which count nothing', () => {
    const row = first({ ...sampleRecord, traffic }, told);
    expect(row).toMatchObject({ group: 'struck', failed: 2, seen: 6, firstMs: faultMs + 400, lastMs: faultMs + 900 });
  });

  test('are the outermost where the caller tells of failures too', () => {
    const both = [told[0], call(600, 'failed', { proxy: 'atelier/web-1' }), told[1]].flatMap((each) => each ?? []);
    expect(first({ ...sampleRecord, traffic }, both)).toMatchObject({ firstMs: faultMs + 400, lastMs: faultMs + 900 });
  });

  test('are not there of a caller of which no failure is counted, nor does an error alone make it a caller', () => {
    const none = [{ proxy: 'atelier/web-1', seen: 6, failed: 0, standsFor: 1 }];
    const rows = affectedBy({ ...sampleRecord, traffic: none }, [
      ...told,
      call(5, 'answered-error', { caller: 'x/y' }),
    ]);
    expect(rows.every(({ firstMs, group }) => firstMs === undefined && group !== 'unplanned')).toBe(true);
  });
});

describe('a spared caller that was not seen to call', () => {
  const cron = (...args: Parameters<typeof affectedBy>) =>
    affectedBy(...args).find(({ caller }) => caller === 'atelier/cron')?.group;

  test('is no control', () => {
    expect(cron(sampleRecord, [])).toBe('idle');
    expect(idleOf(affectedBy(sampleRecord, []))).toBe(1);
  });

  test.each([
    ['a record of it is there', sampleRecord, [call(5, 'answered-error', { caller: 'atelier/cron' })]],
    ['nobody reported at all', { ...sampleRecord, traffic: [] }, []],
  ])('is not taken for one where %s', (_, record, happenings) => {
    expect(cron(record, happenings)).toBe('spared');
  });
});

test('a caller that was none when the drill was planned has a row of its own, without a tenant where nobody knows it', () => {
  const rows = affectedBy(sampleRecord, [
    call(10, 'failed', { caller: 'banque/app' }),
    call(10, 'failed', { caller: '10.0.0.9:1234' }),
  ]);
  expect(rows.filter(({ group }) => group === 'unplanned').map(({ tenant, caller }) => [tenant, caller])).toEqual([
    ['', '10.0.0.9:1234'],
    ['banque', 'banque/app'],
  ]);
});

test('a fault that was never laid affected nobody', () => {
  expect(affectedBy({ ...sampleRecord, faultAtMs: 0 }, sampleHappenings)).toEqual([]);
});
