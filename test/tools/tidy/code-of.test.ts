import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf, lineAt } from '../../../tools/tidy/code-of.ts';

/** Stands for the dollar of a placeholder, so that the samples below read as text and not as forgotten templates. */
const placed = (text: string): string => text.replaceAll('§', '$');

const wants: { name: string; text: string; code: string }[] = [
  { name: 'a line comment', text: 'a; // Date.now\nb', code: 'a;            \nb' },
  { name: 'a block comment over lines', text: 'a /* x\ny */ b', code: 'a     \n     b' },
  { name: 'strings with escaped quotes', text: `f('it\\'s', "x")`, code: `f('     ', " ")` },
  { name: 'a slash that divides', text: 'a / b / c', code: 'a / b / c' },
  { name: 'a regular expression with a slash and a quote', text: `x = /[/']/g;`, code: 'x = /    /g;' },
  { name: 'a comment mark inside a string', text: `'//' + a`, code: `'  ' + a` },
  { name: 'code inside a template', text: '`ab§{f("}")}c` + d', code: '`   {f(" ")} ` + d' },
  { name: 'templates inside a template', text: '`§{f({ a: `x§{y}` })}z`;k', code: '` {f({ a: `  {y}` })} `;k' },
];
test.each(wants)('$name', ({ text, code }) => {
  expect(codeOf(placed(text))).toBe(code);
});

test('any text keeps its length and its line breaks', () => {
  const pieces = ["'", '"', '`', '/', '*', '\\', '$', '{', '}', '\n', ' ', 'a', '=', '('];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces)), (parts) => {
      const text = parts.join('');
      const code = codeOf(text);
      expect(code).toHaveLength(text.length);
      expect(lineAt(code, code.length)).toBe(lineAt(text, text.length));
    }),
  );
});
