/** Where the workers of one machine listen, and which numbers and addresses are refused. */
import { expect, test } from 'vitest';
import { workerAddresses, workersMax } from '../../src/cli/worker-addresses.ts';

const others = new Map([['127.0.0.1:15020', 'people who ask']]);

test.each([
  ['127.0.0.1:15016', 1, ['127.0.0.1:15016']],
  ['127.0.0.1:15016', 3, ['127.0.0.1:15016', '127.0.0.1:15017', '127.0.0.1:15018']],
  ['[fd00::5]:15016', 2, ['[fd00::5]:15016', '[fd00::5]:15017']],
  ['127.0.0.2:15020', 1, ['127.0.0.2:15020']],
  ['127.0.0.1:65534', 2, ['127.0.0.1:65534', '127.0.0.1:65535']],
])('from %s on, %d workers', (first, count, addresses) => {
  expect(workerAddresses(first, count, others)).toEqual(addresses);
});

test.each([
  ['127.0.0.1:15016', 0, 'no number of workers'],
  ['127.0.0.1:15016', workersMax + 1, 'no number of workers'],
  ['127.0.0.1:15016', 1.5, 'no number of workers'],
  ['127.0.0.1:15016', Number('two'), 'no number of workers'],
  ['127.0.0.1:65535', 2, 'beyond 65535'],
  ['127.0.0.1:15016', 5, '`127.0.0.1:15020`, which is for people who ask'],
  ['localhost:15016', 2, 'no ADDRESS:PORT'],
])('from %s on, %d workers are refused: %s', (first, count, why) => {
  expect(() => workerAddresses(first, count, others)).toThrow(why);
});
