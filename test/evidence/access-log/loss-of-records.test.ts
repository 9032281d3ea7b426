import { expect, test } from 'vitest';
import { lossOfRecords } from '../../../src/evidence/access-log/loss-of-records.ts';

test('records that were not read are a loss of the tenant whose proxy told them, with their number', () => {
  const dropped = { kind: 'log-dropped', key: 'shop/web-0', why: 'too-many', count: 4_711 } as const;
  const loss = lossOfRecords(dropped, 1_800_000_000_000);
  expect(loss).toEqual({
    kind: 'loss',
    id: expect.stringMatching(/^l:[0-9a-f]{40}$/),
    atMs: 1_800_000_000_000,
    tenant: 'shop',
    workload: 'shop/web-0',
    where: 'proxy shop/web-0',
    count: 4_711,
    why: 'it told more records than one proxy may, and those beyond were not read',
  });
  expect(lossOfRecords({ ...dropped, why: 'malformed' }, 1_800_000_000_000).id).not.toBe(loss.id);
  expect(lossOfRecords(dropped, 1_800_000_010_000).id).not.toBe(loss.id);
});
