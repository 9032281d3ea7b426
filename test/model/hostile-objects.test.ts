/**
 * Objects that mean harm to who reads them: names that are JavaScript's own, forms that blow up, and kinds by which a
 * tenant would write a proxy's configuration itself.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { checkCel } from '../../src/model/cel/check-cel.ts';
import { type Kind, kinds } from '../../src/model/kinds/catalogue.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { readObject } from '../../src/model/read-object.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const where = { file: 'f.yaml', line: 1 };

/** What every object of the process would have, had something been written to the prototype of all. */
const inherited = () => Object.getOwnPropertyNames(Object.prototype).sort();
const clean = inherited();

describe('SEC-54 names that are JavaScript’s own', () => {
  const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', '__defineGetter__'];
  const name = fc.constantFrom(...names, 'spec', 'metadata', 'labels', 'polluted');
  /** Text of JSON: as an object literal `__proto__` would be no key. */
  const { json } = fc.letrec<{ json: string }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(name, fc.integer(), fc.boolean(), fc.constant(null)).map((value) => JSON.stringify(value)),
      fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join()}]`),
      fc.array(fc.tuple(name, tie('json')), { maxLength: 4 }).map((entries) => {
        const fields = entries.map(([key, value]) => `${JSON.stringify(key)}:${value}`);
        return `{${fields.join()}}`;
      }),
    ),
  }));

  test('in any place of any kind they write to no prototype, and throw nothing', () => {
    let read = 0;
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(kinds)), json, json, json, (name, labels, spec, more) => {
        const kind = kinds[name as Kind];
        const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
        const text = `{"apiVersion":"${apiVersion}","kind":"${kind.kind}","metadata":{"name":"n","namespace":"atelier","labels":${labels},"__proto__":{"polluted":1}},"spec":${spec},"__proto__":${more}}`;
        readObject(JSON.parse(text), where);
        const { objects, problems } = parseDocument(text, 'f.yaml');
        buildSnapshot([...parseDocument(twoTenants, 'mesh.yaml').objects, ...objects]);
        read += objects.length + problems.length;
        expect(inherited()).toEqual(clean);
        expect({}).not.toHaveProperty('polluted');
      }),
      { numRuns: 300 },
    );
    expect(read).toBeGreaterThan(200);
  });

  test('merged by YAML they are keys like any other', () => {
    const text = 'a: &a { __proto__: { polluted: 1 } }\nb: { <<: *a, kind: Mesh }\n';
    parseDocument(text, 'f.yaml');
    expect(inherited()).toEqual(clean);
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('SEC-53 forms that blow up are read within bounds', () => {
  const billion = Array.from({ length: 10 }, (_, level) =>
    level === 0 ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]' : `a${level}: &a${level} [${Array(9).fill(`*a${level - 1}`)}]`,
  ).join('\n');
  const labels = Array.from({ length: 100_000 }, (_, index) => `    l${index}: x`).join('\n');
  const pod = (more: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  namespace: atelier\n  labels:\n${more}\n`;
  test.each([
    ['an alias bomb', billion],
    ['100,000 labels', pod(labels)],
    ['nesting of 100,000', `a: ${'['.repeat(100_000)}`],
    ['a key of a megabyte', `${'k'.repeat(1_048_576)}: 1`],
    ['one line of 4 MiB and more', `a: ${'x'.repeat(4 * 1_024 * 1_024)}`],
    ['a tag that constructs', 'a: !!js/function "function () { return 1 }"'],
  ])('%s', (_, text) => {
    const before = process.memoryUsage().rss;
    const { objects, problems } = parseDocument(text, 'f.yaml');
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1_024 * 1_024);
    expect(objects.length + problems.length).toBeGreaterThan(0);
  });
});

describe('SEC-51 nobody writes a proxy’s configuration', () => {
  test.each(['EnvoyFilter', 'EnvoyPatchPolicy', 'WasmPlugin', 'EnvoyExtensionPolicy', 'Listener', 'Cluster'])(
    'there is no kind `%s`',
    (kind) => {
      const text = `apiVersion: coffre.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: x, namespace: atelier }\nspec: {}\n`;
      const { objects, problems } = parseDocument(text, 'f.yaml');
      expect(objects).toEqual([]);
      expect(problems).toMatchObject([{ severity: 'error' }]);
    },
  );

  test('no kind of ours has a field for Lua, Wasm, a patch, or typed configuration', () => {
    const ours = Object.values(kinds).filter(({ owner }) => owner === 'coffre');
    expect(ours.length).toBeGreaterThan(5);
    for (const { kind, schema } of ours) {
      const fields = [...JSON.stringify(schema).matchAll(/"properties":\{([^}]*)/g)].flatMap(([, names = '']) => names);
      expect(fields.join(), kind).not.toMatch(
        /"(lua|wasm|inlineCode|patch|patches|typedConfig|rawConfig|configPatches)":/i,
      );
    }
  });

  test.each([
    ['a pattern that backtracks is matched in linear time', 'request.path.matches("^(a+)+$")', 'ok'],
    ['a pattern that only a backtracking engine knows is refused', 'request.path.matches("(a)\\\\1")', 'refused'],
    ['a pattern that the caller writes is refused', 'request.path.matches(request.host)', 'refused'],
    ['a pattern of any length is refused', `request.path.matches("${'a?'.repeat(400)}")`, 'refused'],
  ])('%s', (_, condition, kind) => {
    expect(checkCel(condition).kind).toBe(kind);
  });
});
