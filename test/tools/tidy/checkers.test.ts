/** Each checker of the house rules, shown a breach: a rule that cannot fail is no rule. */
import { describe, expect, test } from 'vitest';
import { bareSetupFindings } from '../../../tools/tidy/bare-setup.ts';
import { decisionFindings } from '../../../tools/tidy/decisions.ts';
import { importsOf } from '../../../tools/tidy/imports-of.ts';
import { type PurityRules, purityFindings } from '../../../tools/tidy/purity.ts';
import { roomFindings } from '../../../tools/tidy/rooms.ts';
import { sizeFindings } from '../../../tools/tidy/sizes.ts';

test('imports are found in every form, and not in comments or strings', () => {
  const text = [
    "import a, { b } from './a.ts';",
    "import type { C } from './c.ts';",
    "export * from './d.ts';",
    "import './e.ts';",
    "const f = await import('./f.ts');",
    "// import './no.ts'",
    'const g = "import \'./no.ts\'";',
    'import {',
    '  h,',
    "} from './h.ts';",
    'const i = await import(name);',
    "export const j = 'from nowhere';",
    "import { type K } from './k.ts';",
  ].join('\n');
  expect(importsOf(text)).toEqual([
    { specifier: './a.ts', names: [], typeOnly: false, line: 1 },
    { specifier: './c.ts', names: ['C'], typeOnly: true, line: 2 },
    { specifier: './d.ts', names: [], typeOnly: false, line: 3 },
    { specifier: './e.ts', names: [], typeOnly: false, line: 4 },
    { specifier: './f.ts', names: [], typeOnly: false, line: 5 },
    { specifier: './h.ts', names: ['h'], typeOnly: false, line: 8 },
    { specifier: '', names: [], typeOnly: false, line: 11 },
    { specifier: './k.ts', names: ['type K'], typeOnly: false, line: 13 },
  ]);
});

describe('rooms', () => {
  const table = { model: [], policy: ['model'], main: 'everything' } as const;
  const find = (path: string, text: string) => roomFindings({ path, text }, table);

  test('an import the table allows is fine, and so is one of the own room or of a package', () => {
    const text = "import '../model/a.ts';\nimport './b.ts';\nimport 'yaml';\nimport 'node:crypto';";
    expect(find('src/policy/x.ts', text)).toEqual([]);
    expect(find('src/main.ts', "import './policy/x.ts';")).toEqual([]);
  });

  test('an import against the table names the line, the rule and the cure', () => {
    const [finding, ...more] = find('src/model/x.ts', "\nimport type { A } from '../policy/a.ts';");
    expect(more).toEqual([]);
    expect(finding?.where).toBe('src/model/x.ts:2');
    expect(finding?.rule).toBe('`model` may import nothing of ours, and imports `policy` (../policy/a.ts)');
    expect(finding?.cure).toContain('port');
  });

  test('generated code is a room too', () => {
    expect(find('src/policy/x.ts', "import { a } from '#gen/envoy/a_pb.js';")[0]?.rule).toContain('imports `gen`');
  });

  test('a room that is not in the table, and an import from outside src, are breaches', () => {
    expect(find('src/attic/x.ts', '')[0]?.rule).toContain('`attic` is not in the table');
    expect(find('src/main.ts', "import '../test/fake.ts';")[0]?.rule).toContain('`test/fake.ts`, which lies outside');
  });
});

describe('purity', () => {
  const rules: PurityRules = {
    pureRooms: ['model'],
    mixedRooms: ['xds'],
    effectfulModules: ['node:fs', 'node:net', 'undici'],
    harmlessNames: { 'node:net': ['isIP'] },
    effectfulUses: [{ name: 'Date.now', pattern: /\bDate\.now\b/g }],
  };
  const find = (path: string, text: string) => purityFindings({ path, text }, rules);

  test('an effectful module, in each of its spellings, and an effectful use are breaches', () => {
    const text = "import 'fs';\nimport 'node:fs/promises';\nimport { fetch } from 'undici';\nconst t = Date.now();";
    expect(find('src/model/x.ts', text).map(({ where }) => where)).toEqual([
      'src/model/x.ts:1',
      'src/model/x.ts:2',
      'src/model/x.ts:3',
      'src/model/x.ts:4',
    ]);
    expect(find('src/xds/x.ts', text)).toHaveLength(4);
  });

  test('a harmless function of an effectful module is fine alone, and excuses nothing beside it', () => {
    expect(find('src/model/x.ts', "import { isIP as ip } from 'node:net';")).toEqual([]);
    expect(find('src/model/x.ts', "import { isIP, connect } from 'node:net';")).toHaveLength(1);
    expect(find('src/model/x.ts', "import net, { isIP } from 'node:net';")).toHaveLength(1);
  });

  test('a clock passed along without being called is a breach', () => {
    expect(find('src/model/x.ts', 'function f(now = Date.now) {}')).toHaveLength(1);
  });

  test('a type, a comment, a string, a module of like name and an .io.ts file of a mixed room are not', () => {
    const text = "import type { Stats } from 'node:fs';\n// Date.now()\nconst a = 'Date.now';\nimport 'undici-types';";
    expect(find('src/model/x.ts', text)).toEqual([]);
    expect(find('src/xds/clock.io.ts', 'Date.now()')).toEqual([]);
    expect(find('src/lab/x.ts', 'Date.now()')).toEqual([]);
  });

  test('a pure room holds no .io.ts file', () => {
    expect(find('src/model/clock.io.ts', '')[0]?.rule).toContain('pure');
  });
});

describe('sizes', () => {
  const file = (path: string, lines: number) => ({ path, text: 'x\n'.repeat(lines) });
  const limits = { linesMax: 50, linesCommon: 28 };
  const small = Array.from({ length: 9 }, (_, index) => file(`s${index}.ts`, 10));

  test('one file in ten may pass the softer limit, and two may not', () => {
    expect(sizeFindings([...small, file('long.ts', 50)], limits)).toEqual([]);
    const two = sizeFindings([...small.slice(1), file('long.ts', 29), file('longer.ts', 40)], limits);
    expect(two.map(({ where }) => where)).toEqual(['longer.ts', 'long.ts']);
  });

  test('no file may pass the hard limit', () => {
    const [finding] = sizeFindings([...small, file('huge.ts', 51)], limits);
    expect(finding?.rule).toBe('51 lines, where 50 is the limit');
  });
});

describe('decisions', () => {
  test('a gap, a double and a bad name are breaches', () => {
    expect(decisionFindings(['0001-a.md', '0002-b.md', 'README.md'])).toEqual([]);
    expect(decisionFindings(['0001-a.md', '0003-c.md'])[0]?.rule).toBe('number 0002 is expected here');
    expect(decisionFindings(['0001-a.md', '0001-b.md'])[0]?.where).toBe('docs/decisions/0001-b.md');
    expect(decisionFindings(['1-a.md'])[0]?.rule).toContain('NNNN');
  });
});

describe('the bare set-up', () => {
  test('TypeScript, packages and files of other folders are breaches', () => {
    const find = (path: string, text: string) => bareSetupFindings({ path, text });
    expect(find('tools/setup/a.mjs', "import 'node:fs';\nimport { b } from './b.mjs';")).toEqual([]);
    expect(find('tools/setup/list.txt', 'anything')).toEqual([]);
    expect(find('tools/setup/a.ts', '')).toHaveLength(1);
    expect(find('tools/setup/a.mjs', "import 'yaml';\nimport '../b.mjs';").map(({ where }) => where)).toEqual([
      'tools/setup/a.mjs:1',
      'tools/setup/a.mjs:2',
    ]);
  });
});
