/** One drill beside others: how many at a time, and never two faults in one place. */
import { describe, expect, test } from 'vitest';
import { crowdRefusals, type RunningDrill } from '../../src/chaos/house-rules.ts';
import { drillMesh } from './drill-world.ts';
import { drill, plan } from './run-fixture.ts';

const { mesh } = drillMesh();

function running(key: string, port: number, struck: readonly string[]): RunningDrill {
  return { drill: drill({ key, target: { service: 'atelier/api', port } }), plan: plan(struck).view };
}

function refusals(
  others: readonly RunningDrill[],
  struck: readonly string[] = ['a/one'],
  maxConcurrent = 4,
): readonly string[] {
  const rules = { ...mesh, drills: { ...mesh.drills, maxConcurrent } };
  return crowdRefusals(drill(), plan(struck).view, others, rules).map(({ message }) => message);
}

describe('overlap', () => {
  test('the same service and port is the same edge, whoever is struck', () => {
    expect(refusals([running('atelier/other', 80, ['a/two'])])).toEqual([
      expect.stringContaining('`atelier/other` strikes the same edge'),
    ]);
  });

  test('another port, by the same key of the same proxy, is the same place', () => {
    expect(refusals([running('atelier/other', 81, ['a/one'])])).toHaveLength(1);
  });

  test('another port at other proxies is none', () => {
    expect(refusals([running('atelier/other', 81, ['a/two'])])).toEqual([]);
  });
});

test('the last place is given and the next is refused', () => {
  const others = [1, 2, 3].map((number) => running(`atelier/d${number}`, 80 + number, [`a/p${number}`]));
  expect(refusals(others, ['a/one'], 4)).toEqual([]);
  expect(refusals(others, ['a/one'], 3)).toEqual(['3 drills are running and the mesh allows 3 at a time']);
});
