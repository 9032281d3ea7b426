/** Who did what to a drill, in a record that may outlive their names. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renamePeople } from '../../src/chaos/people-in-body.ts';

const nameChar = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789._-');
/** As a certificate may carry it, and long enough not to be found in our own words by chance. */
const person = fc
  .tuple(fc.constantFrom('zoe', 'q7', 'x-', 'yan.'), fc.string({ unit: nameChar, minLength: 3, maxLength: 20 }))
  .map(([first, rest]) => `${first}${rest}9`);
const words = fc.array(fc.oneof(fc.constantFrom(' ', '. ', ', ', '`', '"', '\n', ' saw '), fc.string()), {
  maxLength: 5,
});
const deed = fc.tuple(person, words, words).map(([by, before, after]) => ({
  kind: 'abort',
  cause: 'halt',
  by,
  reason: `halted by \`${by}\`: ${before.join('')} ${by} ${after.join('')}`,
}));
const body = fc.oneof(
  fc.record({ atMs: fc.nat(), pulled: fc.boolean(), by: person, reason: fc.constant('') }),
  fc.array(deed, { minLength: 1, maxLength: 4 }).map((events) => ({ atMs: 1, events })),
);

const sealed = (name: string) => `p:${Buffer.from(name).toString('hex')}`;
const revealed = (token: string) => Buffer.from(token.slice(2), 'hex').toString();

test('what is kept holds no name, and read again it is what was said', () => {
  fc.assert(
    fc.property(body, (value) => {
      const written = JSON.stringify(value);
      const kept = renamePeople(written, sealed);
      const names = 'events' in value ? value.events.map(({ by }) => by) : [value.by];
      for (const name of names) expect(kept).not.toContain(`\`${name}\``);
      for (const name of names) expect(kept).not.toContain(`"${name}"`);
      expect(renamePeople(kept, revealed)).toBe(written);
    }),
    { seed: Number(process.env['COFFRE_SEED']), numRuns: 300 },
  );
});

test('a name is changed where it is a word, and not inside a longer one', () => {
  const reason = 'halted by `ana`: ana. banana, ana-maria and ana.b stay; “ana”, (ana)';
  const kept = JSON.parse(renamePeople(JSON.stringify({ events: [{ by: 'ana', reason }] }), () => 'P'));
  expect(kept.events).toEqual([{ by: 'P', reason: 'halted by `P`: P. banana, ana-maria and ana.b stay; “P”, (P)' }]);
});

test('what is not about people stays to the byte', () => {
  const about = JSON.stringify({
    atMs: 1,
    events: [
      { kind: 'effective', proxies: ['ana/web'] },
      { kind: 'x', by: '' },
    ],
  });
  expect(renamePeople(about, () => 'P')).toBe(about);
});
