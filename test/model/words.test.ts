/** The small functions that words and numbers go through. */
import { describe, expect, test } from 'vitest';
import { parseDurationMs } from '../../src/model/duration.ts';
import { canonicalIp } from '../../src/model/ip-address.ts';
import { editDistance, nearest } from '../../src/model/nearest.ts';
import { quote } from '../../src/model/quote.ts';

describe('an address has one spelling or none', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['FD00:0::1', 'fd00::1'],
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['010.0.0.1', undefined],
    ['10.0.0.256', undefined],
    ['10.0.1', undefined],
    ['0.0.0.0', undefined],
    ['127.0.0.1', undefined],
    ['169.254.169.254', undefined],
    ['224.0.0.1', undefined],
    ['::', undefined],
    ['::1', undefined],
    ['::ffff:10.0.0.1', undefined],
    ['fe80::1', undefined],
    ['ff02::1', undefined],
    ['fd00::1%eth0', undefined],
    ['fd00::1]/[', undefined],
    ['', undefined],
  ])('%s is %s', (text, address) => {
    expect(canonicalIp(text)).toBe(address);
  });
});

test.each([
  ['90s', 90_000],
  ['15m', 900_000],
  ['24h', 86_400_000],
  ['0h', undefined],
  ['1d', undefined],
  ['-1h', undefined],
  ['1.5h', undefined],
])('the duration %s is %s ms', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test('a swap of neighbours is one edit, like a letter more, less or other', () => {
  for (const word of ['tenant', 'tneant', 'tenannt', 'tenat', 'tenent']) {
    expect(editDistance(word, 'tenant')).toBeLessThanOrEqual(1);
  }
  expect(editDistance('grant', 'tenant')).toBe(3);
});

test('a word that is like none is not guessed', () => {
  expect(nearest('selctor', ['allow', 'selector'])).toBe('selector');
  expect(nearest('firewall', ['allow', 'selector'])).toBeUndefined();
  expect(nearest('x'.repeat(1_000_000), ['x'])).toBeUndefined();
});

test('a quotation stays on one line, short, and cannot end itself', () => {
  expect(quote('a\nb`c\u202ed\u001b[31m')).toBe('`a\ufffdb\ufffdc\ufffdd\ufffd[31m`');
  expect(quote('x'.repeat(1_000))).toHaveLength(83);
});
