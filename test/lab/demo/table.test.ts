import { describe, expect, test } from 'vitest';
import type { Check, CheckResult, Outcome } from '../../../src/lab/demo/check.ts';
import { colours, noColours, paletteFor } from '../../../src/lab/demo/palette.ts';
import { renderHead, renderPending, renderRow, renderSummary, wrap } from '../../../src/lab/demo/table.ts';

const check: Check = {
  id: 'plaintext-refused',
  what: "an outsider speaks plaintext to api's port",
  want: 'closed with 0 bytes, nothing at the application, a line in the log',
  command: () => [],
  run: () => Promise.reject(new Error('not run here')),
};
const command = `npm run -s lab -- exec outsider/passer-by -- ${'x'.repeat(200)}`;

function row(outcome: Outcome): CheckResult {
  return { check, outcome, tookMs: 61.4 };
}

const passed = row({ kind: 'pass', got: '0 bytes, reset, application saw nothing' });
const failed = row({ kind: 'fail', got: '312 bytes; not so: no byte came back' });
const notShown = row({ kind: 'not-shown', got: 'there is no `openssl` on this machine' });

describe.each([40, 80, 90, 110, 200])('on a terminal of %i columns', (width) => {
  test('no line but the command is wider than the terminal', () => {
    const text = renderRow(passed, [command], { width, palette: noColours });
    const lines = text.split('\n').filter((line) => !line.includes('$ '));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  });

  test('the command stands on one line, whole', () => {
    const text = renderRow(passed, [command], { width, palette: noColours });
    expect(text.split('\n').some((line) => line.endsWith(`$ ${command}`))).toBe(true);
  });

  test('id, what, want, got and state are all there', () => {
    const words = renderRow(failed, [], { width, palette: noColours }).split(/\s+/);
    for (const text of [check.id, check.what, check.want, failed.outcome.got, 'fail', '61 ms']) {
      expect(words).toEqual(expect.arrayContaining(text.split(' ')));
    }
  });
});

test('a row reads like this', () => {
  expect(`\n${renderRow(passed, ['curl x'], { width: 110, palette: noColours })}`).toBe(`
✓ plaintext-refused          an outsider speaks plaintext to api's port                         pass     61 ms
                             want  closed with 0 bytes, nothing at the application, a line in the log
                             got   0 bytes, reset, application saw nothing
                             $ curl x
`);
});

test('each state has a mark that needs no colour', () => {
  const marks = [passed, failed, notShown].map(
    (result) => renderRow(result, [], { width: 110, palette: noColours })[0],
  );
  expect(marks).toEqual(['✓', '✗', '–']);
});

test('colours add nothing but colour', () => {
  const style = { width: 110, palette: colours };
  const painted = renderRow(failed, ['curl x'], style);
  // The escape is built, since a literal one is a control character in a pattern.
  const escapes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
  expect(painted).toMatch(escapes);
  expect(painted.replaceAll(escapes, '')).toBe(renderRow(failed, ['curl x'], { width: 110, palette: noColours }));
});

test.each([
  ['a pipe', false, {}, noColours],
  ['a terminal', true, {}, colours],
  ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, noColours],
  ['a terminal with an empty NO_COLOR', true, { NO_COLOR: '' }, colours],
  ['a terminal that can do nothing', true, { TERM: 'dumb' }, noColours],
])('%s gets the palette that fits it', (_, isTerminal, env, palette) => {
  expect(paletteFor(isTerminal, env)).toBe(palette);
});

test('the head is two lines where there is room', () => {
  expect(renderHead({ width: 110, palette: noColours }).trimEnd().split('\n')).toHaveLength(2);
});

test('what is shown while a row is tried fits one line, so that it can be erased', () => {
  expect(renderPending('w'.repeat(300), { width: 60, palette: noColours }).length).toBeLessThan(60);
});

test('the summary counts every state and says what was not shown', () => {
  const text = renderSummary([passed, passed, failed, notShown], 14_620, { width: 110, palette: noColours });
  expect(text.trim()).toBe('2 passed, 1 failed, 1 not shown on this machine in 14.6 s');
});

test('a word that is longer than the line stays whole', () => {
  expect(wrap('see spiffe://demo.coffre/ns/atelier now', 10)).toEqual([
    'see',
    'spiffe://demo.coffre/ns/atelier',
    'now',
  ]);
});
