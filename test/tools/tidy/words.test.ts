import { expect, test } from 'vitest';
import { type ForbiddenWord, wordFindings } from '../../../tools/tidy/words.ts';

const words: readonly ForbiddenWord[] = [
  { what: 'a marker', pattern: /\bTODO\b/, cure: 'finish it' },
  { what: 'a lone test', pattern: /\btest\.only\b/, cure: 'let all run', within: /\.test\.ts$/ },
];

test('a forbidden word is found with its line', () => {
  expect(wordFindings({ path: 'a.md', text: 'fine\n// TODO later\n' }, words)).toEqual([
    { where: 'a.md:2', rule: 'holds a marker', cure: 'finish it' },
  ]);
});

test('a word bound to some files is free in the others', () => {
  expect(wordFindings({ path: 'a.test.ts', text: 'test.only()' }, words)).toHaveLength(1);
  expect(wordFindings({ path: 'a.md', text: 'test.only()' }, words)).toEqual([]);
});
