/** A few texts stand for all: for every text there is a sample that each matcher treats alike. */
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StringMatcherSchema } from '#gen/envoy/type/matcher/v3/string_pb.js';
import { patternOf } from '../../src/proof/pattern.ts';
import { sampleTexts } from '../../src/proof/sample-texts.ts';
import { matchesText } from '../../src/proof/text-match.ts';

/** Short, of few letters, so that they run into each other. */
const word = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'x'), maxLength: 5 });
const matcher = fc
  .record({ kind: fc.constantFrom('exact', 'prefix', 'suffix'), value: word })
  .map(({ kind, value }) => create(StringMatcherSchema, { matchPattern: { case: kind, value } as never }));

test('under exact, prefix and suffix matchers', () => {
  fc.assert(
    fc.property(fc.array(matcher, { maxLength: 6 }), word, fc.boolean(), (matchers, text, rooted) => {
      const start = rooted ? '/' : '';
      const { texts, complete } = sampleTexts(matchers, start, []);
      const answers = (each: string) => matchers.map((one) => matchesText(one, each, 'exact')).join();
      expect(complete).toBe(true);
      expect(texts.map(answers)).toContain(answers(`${start}${text}`));
    }),
    { numRuns: 2_000 },
  );
});

test('a regular expression takes the completeness away, and adds an example', () => {
  const regex = create(StringMatcherSchema, {
    matchPattern: { case: 'safeRegex', value: { regex: '/documents/[^/]+' } },
  });
  const { texts, complete } = sampleTexts([regex], '/', []);
  expect(complete).toBe(false);
  expect(texts.map((text) => matchesText(regex, text, 'exact'))).toContain('yes');
  expect(matchesText(regex, '/documents/1', 'understood')).toBe('maybe');
});

test.each([
  ['/a/(?:b|c)d*', '/a/b', '/a/c', '/a/'],
  ['(?i)api\\.shop(?::[0-9]{1,5})?', 'api.shop', 'API.shop:80', 'api.shop:'],
  ['(?:\\C*,)?[ \\t]*red', 'red', 'blue, red', 'redder'],
])('the expression %s is read', (regex, example, matching, other) => {
  const pattern = patternOf(regex);
  expect(pattern?.example).toBe(example);
  expect(pattern?.matches(matching)).toBe(true);
  expect(pattern?.matches(other)).toBe(false);
});

test.each(['(?P<name>a)', '\\pN', 'a**', '(a', '[[:alpha:]]', 'a{', '\\Qa'])(
  'of the expression %s nothing is guessed',
  (regex) => {
    expect(patternOf(regex)).toBeUndefined();
  },
);
