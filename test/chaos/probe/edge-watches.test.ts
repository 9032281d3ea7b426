import { beforeEach, expect, test } from 'vitest';
import { EdgeWatches, leaseMs, reportersMax, weightsOf } from '../../../src/chaos/probe/edge-watches.ts';
import { TrafficWindow } from '../../../src/chaos/probe/traffic-window.ts';
import { api, edge, question, report, startMs } from './edge-traffic.ts';

let window: TrafficWindow;
let watches: EdgeWatches;
/** What the proxies are asked, in the words of whoever asks. */
let asked: string[];
let log: string[];

beforeEach(() => {
  window = new TrafficWindow();
  asked = [];
  log = [];
  watches = new EdgeWatches(window, (proxies, cluster) => {
    const words = `${cluster} of ${proxies.join(' ')}`;
    asked.push(words);
    log.push(`+ ${words}`);
    return () => {
      asked.splice(asked.indexOf(words), 1);
      log.push(`- ${words}`);
    };
  });
});

const isKept = () => {
  window.load(report('a', 1_000));
  return window.read('requestsPerSecond', question({ a: 1 })).kind === 'value';
};

test('an edge is watched from the first look to one lease after the last', () => {
  watches.look(edge(), startMs);
  watches.look(edge(), startMs + 1_000);
  expect(asked).toEqual([`${api} of a c`]);
  watches.sweep(startMs + leaseMs);
  expect(asked).toHaveLength(1);
  expect(isKept()).toBe(true);
  watches.sweep(startMs + 1_000 + leaseMs);
  expect(asked).toEqual([]);
  expect(isKept()).toBe(false);
});

test('when the callers change, the new ones are asked before the old ones are let go', () => {
  watches.look(edge(), startMs);
  watches.look(edge({ control: ['c', 'd'] }), startMs);
  expect(log).toEqual([`+ ${api} of a c`, `+ ${api} of a c d`, `- ${api} of a c`]);
  expect(isKept()).toBe(true);
});

test('what another drill looks at is kept when the first one is over', () => {
  watches.look(edge(), startMs);
  watches.look(edge({ drill: 'shop/other' }), startMs + 1_000);
  watches.sweep(startMs + leaseMs);
  expect(asked).toHaveLength(1);
  expect(isKept()).toBe(true);
});

test('of a large group some report, evenly chosen, and stand for all', () => {
  const experiment = Array.from({ length: 2 * reportersMax }, (_, index) => `caller-${index}`);
  const large = edge({ experiment });
  watches.look(large, startMs);
  expect(asked[0]?.split(' ')).toHaveLength('… of'.split(' ').length + reportersMax + 1);
  const weights = weightsOf(large, 'all');
  expect(weights.size).toBe(experiment.length + 1);
  expect([weights.get('caller-0'), weights.get('caller-1'), weights.get('c')]).toEqual([2, 0, 1]);
  expect([...weightsOf(large, 'experiment').values()].reduce((one, other) => one + other)).toBe(experiment.length);
  expect([...weightsOf(large, 'control').keys()]).toEqual(['c']);
});
