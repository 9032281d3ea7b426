/** The rules that every metric of ours keeps, held against each of them, and shown to be able to fail. */
import { expect, test } from 'vitest';
import { counter, gauge, histogram, type Instrument, seriesMax } from '../../src/telemetry/instrument.ts';
import { instruments } from '../../src/telemetry/instruments.ts';

/** Most series of one instrument: those of a tenant each are the widest. */
const seriesOfOneMax = 300;
/** What a label may be called: each is a word of ours whose values we know, or of which there are few. */
const labelNames = new Set([
  ...['keys', 'kind', 'outcome', 'phase', 'protocol', 'reason', 'revision', 'severity', 'sink', 'statistic', 'status'],
  ...['tenant', 'type', 'verdict', 'what', 'where'],
]);
/** Names that every Prometheus client library gives a process. */
const processNames =
  /^(?:process_(?:cpu_seconds_total|start_time_seconds|resident_memory_bytes|open_fds)|nodejs_heap_size_(?:used|total)_bytes)$/;

/** What is wrong with an instrument, in words. */
function findings(instrument: Instrument): readonly string[] {
  const { kind, name, unit, description, labels } = instrument;
  const isCount = kind === 'counter' || kind === 'read-counter';
  const wrong: (readonly [boolean, string])[] = [
    [!/^coffre_[a-z]+(?:_[a-z]+)*$/.test(name) && !processNames.test(name), 'name'],
    [isCount !== name.endsWith('_total'), '_total'],
    [(unit === 's') !== /_seconds(?:_total)?$/.test(name), 'seconds'],
    [(unit === 'By') !== /_bytes(?:_total)?$/.test(name), 'bytes'],
    [/_(?:ms|us|milliseconds|count|sum|bucket)$/.test(name), 'suffix'],
    [!/^[A-Z0-9].{10,140}\.$/.test(description), 'description'],
    [!Object.keys(labels).every((label) => labelNames.has(label)), 'label'],
    [seriesMax(instrument) > seriesOfOneMax, 'series'],
    [kind === 'histogram' && !ascending(instrument.buckets), 'buckets'],
  ];
  return wrong.flatMap(([is, what]) => (is ? [what] : []));
}

function ascending(buckets: readonly number[]): boolean {
  return buckets.length > 0 && buckets.every((bound, i) => bound > (buckets[i - 1] ?? 0));
}

test.each(Object.values(instruments).map((each) => [each.name, each] as const))(
  '%s keeps the rules',
  (_, instrument) => {
    expect(findings(instrument)).toEqual([]);
  },
);

test('no name is given twice', () => {
  const names = Object.values(instruments).map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test.each<readonly [string, Instrument]>([
  ['label', gauge('coffre_requests', '{request}', 'Requests by path.', { path: ['/'] })],
  ['label', gauge('coffre_requests', '{request}', 'Requests by user.', { user: { valuesMax: 5 } })],
  ['series', gauge('coffre_requests', '{request}', 'Requests by tenant.', { tenant: { valuesMax: 10_000 } })],
  ['_total', counter('coffre_requests', '{request}', 'Requests that came.', {})],
  ['_total', gauge('coffre_requests_total', '{request}', 'Requests that came.', {})],
  ['seconds', gauge('coffre_age', 's', 'Age of something.', {})],
  ['bytes', gauge('coffre_size_bytes', '1', 'Size of something.', {})],
  ['suffix', gauge('coffre_wait_ms', 'ms', 'Wait of something.', {})],
  ['name', gauge('Coffre-Things', '1', 'Things that there are.', {})],
  ['description', gauge('coffre_problem_things', '1', 'things', {})],
  ['buckets', histogram('coffre_wait_seconds', 's', 'Wait of something.', {}, [1, 0.5])],
])('%s: an instrument that breaks the rule is found', (rule, instrument) => {
  expect(findings(instrument)).toContain(rule);
});
