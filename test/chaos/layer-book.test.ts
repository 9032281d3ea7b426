/** One layer for each proxy, whoever lays on it; and no key in it that is not on the list. */
import { expect, test } from 'vitest';
import { LayerBook } from '../../src/chaos/layer-book.ts';

const key = 'circuit_breakers.atelier/api/80.default.max_requests';
const other = 'circuit_breakers.atelier/db/5432.default.max_connections';

function book() {
  const sent: (readonly [proxy: string, settings: Record<string, number> | undefined])[] = [];
  const layers = new LayerBook({
    lay: (proxy, settings) => sent.push([proxy, Object.fromEntries(settings)]),
    lift: (proxy) => sent.push([proxy, undefined]),
  });
  return { layers, sent };
}

test('two drills of two edges share the layer of a proxy, and one that ends leaves the other its own', () => {
  const { layers, sent } = book();
  layers.lay('a/first', [{ proxy: 'a/web', keys: [{ key, value: 0 }] }]);
  layers.lay('a/second', [{ proxy: 'a/web', keys: [{ key: other, value: 5 }] }]);
  layers.lift('a/first', ['a/web']);
  layers.lift('a/second', ['a/web']);
  expect(sent).toEqual([
    ['a/web', { [key]: 0 }],
    ['a/web', { [key]: 0, [other]: 5 }],
    ['a/web', { [other]: 5 }],
    ['a/web', undefined],
  ]);
  expect(layers.isEmpty()).toBe(true);
});

const smuggled: readonly (readonly [string, number])[] = [
  ['envoy.reloadable_features.no_extension_lookup_by_name', 0],
  ['circuit_breakers.atelier/api/80.default.max_requests\nupstream.healthy_panic_threshold', 0],
  ['drill.in.8080.atelier/web.abort_percent.envoy.deprecated', 0],
  ['upstream.healthy_panic_threshold', 0],
  [key, -1],
  [key, 0.5],
  [key, Number.NaN],
  ['drill.in.8080.atelier/web.abort_percent', 101],
];

test.each(smuggled)('%j = %d is laid on nobody, not even the keys beside it', (bad, value) => {
  const { layers, sent } = book();
  const proxies = [
    { proxy: 'a/one', keys: [{ key, value: 0 }] },
    { proxy: 'a/two', keys: [{ key: bad, value }] },
  ];
  expect(() => layers.lay('a/drill', proxies)).toThrow('is nothing a drill may write');
  expect(sent).toEqual([]);
  expect(layers.isEmpty()).toBe(true);
});

test('what a process before us laid is lifted too', () => {
  const { layers, sent } = book();
  layers.lift('a/drill', ['a/web']);
  expect(sent).toEqual([['a/web', undefined]]);
});
