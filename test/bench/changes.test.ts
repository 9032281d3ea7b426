/** When a change counts as acknowledged, and how rounds become figures. */
import { describe, expect, test } from 'vitest';
import { AckBook, Changes, type MadeChange } from '../../bench/changes.ts';
import { samplesOf } from '../../bench/side-by-side.ts';
import { firstMark, standardMesh } from '../../bench/standard-mesh.ts';

const made: MadeChange = {
  change: { kind: 'endpoint', at: 0, mark: 20, typeUrl: 'endpoints', name: 'a', nodes: [1, 2] },
  atMs: 100,
};

function acked(...sightings: Parameters<AckBook['add']>[0]): number | undefined {
  const book = new AckBook();
  book.add(sightings);
  return book.doneMs(made);
}

describe('a change is acknowledged', () => {
  test('when the last proxy that it concerns has said so', () => {
    expect(acked([1, 'a', 20, 110], [2, 'a', 20, 130], [3, 'a', 20, 150])).toBe(130);
  });

  test('not before every one has', () => {
    expect(acked([1, 'a', 20, 110], [3, 'a', 20, 150])).toBeUndefined();
    expect(acked([1, 'a', 20, 110], [2, 'b', 20, 150])).toBeUndefined();
  });

  test('by a later one that it was merged into, and by no earlier one', () => {
    expect(acked([1, 'a', 21, 110], [2, 'a', 25, 120])).toBe(120);
    expect(acked([1, 'a', 20, 110], [2, 'a', 19, 120])).toBeUndefined();
  });

  test('by the first such ACK, whatever comes after it', () => {
    expect(acked([1, 'a', 20, 110], [2, 'a', 19, 111], [2, 'a', 20, 112], [2, 'a', 22, 190])).toBe(112);
  });

  test('at once where it concerns nobody', () => {
    const nobody = { ...made, change: { ...made.change, nodes: [] } };
    expect(new AckBook().doneMs(nobody)).toBe(made.atMs);
  });
});

test('changes go from place to place, each with a mark of its own', () => {
  const mesh = standardMesh(0.04);
  const changes = new Changes(mesh);
  const all = Array.from({ length: mesh.services + 1 }, () => changes.next('endpoint'));
  expect(all.map(({ mark }) => mark)).toEqual(all.map((_, index) => firstMark + index));
  expect(new Set(all.map(({ at }) => at)).size).toBe(mesh.services);
  expect(all.at(-1)?.name).toBe(all[0]?.name);
});

describe('rounds', () => {
  const rounds = new Map([
    [
      'coffre',
      [
        { p50_ms: 4, pushes: 3 },
        { p50_ms: 6, pushes: 3 },
        { p50_ms: 5, pushes: 3 },
      ],
    ],
    ['other', [{ p50_ms: 9 }, { p50_ms: 10 }, { p50_ms: 20 }]],
  ]);

  test('become samples of ours and of each peer', () => {
    const { metrics, peers } = samplesOf(rounds, []);
    expect(metrics).toEqual({
      p50_ms: { unit: 'ms', values: [4, 6, 5] },
      pushes: { unit: 'count', values: [3, 3, 3] },
    });
    expect(peers).toEqual({ other: { p50_ms: { unit: 'ms', values: [9, 10, 20] } } });
  });

  test('are compared by their medians, above 1 where ours took less, and only where both have a figure', () => {
    expect(samplesOf(rounds, ['p50_ms', 'pushes']).ratios).toEqual({ 'p50_ms to other': 2 });
  });

  test('tell the unit of a figure by its key', () => {
    const keys = [
      'cpu_us_per_update_500',
      'updates_per_s_100',
      'p99_ms_100',
      'rss_mb_4x',
      'bytes_share',
      'bytes_per_proxy',
    ];
    const { metrics } = samplesOf(new Map([['coffre', [Object.fromEntries(keys.map((key) => [key, 1]))]]]), []);
    expect(keys.map((key) => metrics[key]?.unit)).toEqual(['us', '1/s', 'ms', 'MB', '', 'B']);
  });
});
