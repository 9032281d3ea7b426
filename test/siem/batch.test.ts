/** What of an answer of the store is one batch. */
import { expect, test } from 'vitest';
import { batchBytesMax, batchOf } from '../../src/siem/batch.ts';
import { numbered } from './sample-events.ts';

const from = { replica: 'coffre-0', position: 0, since: 0 };

test('a batch ends where its bytes do, and reaches as far as what is in it', () => {
  const events = Array.from({ length: 1_000 }, (_, index) => numbered(index + 1, { workload: 'w'.repeat(4_000) }));
  const { records, to, missing } = batchOf({ events, cursor: { 'coffre-0': 1_000 } }, from, { paths: 'shape' });
  const bytes = records.reduce((sum, { line }) => sum + line.length, 0);
  const last = records.at(-1);
  expect(bytes - (last?.line.length ?? 0)).toBeLessThan(batchBytesMax);
  expect(bytes).toBeGreaterThanOrEqual(batchBytesMax);
  expect({ to, missing }).toEqual({ to: last?.position, missing: 0 });
});

test('positions that are not there are missing, but for those that the sink never was to see', () => {
  const answer = { events: [numbered(3), numbered(6)], cursor: { 'coffre-0': 8 } };
  expect(batchOf(answer, from, { paths: 'shape' })).toMatchObject({ to: 8, missing: 6 });
  expect(batchOf(answer, { ...from, since: 5 }, { paths: 'shape' })).toMatchObject({ to: 8, missing: 2 });
  expect(batchOf(answer, { ...from, position: 3 }, { paths: 'shape' })).toMatchObject({ to: 8, missing: 4 });
});
