/** The definitions that an API server is given, one golden file each, and what they may not lack whatever the schemas say. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { StructuralSchema } from '../../src/kube/crds/crd.ts';
import { customResourceDefinitions, ourKinds } from '../../src/kube/crds/custom-resource-definitions.ts';
import { cel } from '../../src/kube/crds/field-rule.ts';
import { structuralSchema } from '../../src/kube/crds/structural-schema.ts';
import { kinds } from '../../src/model/kinds/catalogue.ts';

const golden = join(import.meta.dirname, 'golden/crds');
const definitions = customResourceDefinitions();
const files = definitions.map((definition) => ({ file: `${definition.metadata.name}.yaml`, definition }));

test.each(files)('$file is what was reviewed', async ({ file, definition }) => {
  const text = stringify(definition, { lineWidth: 0, aliasDuplicateObjects: false });
  await expect(text).toMatchFileSnapshot(join(golden, file));
});

test('no golden file is left of a kind that is gone', () => {
  expect(readdirSync(golden).sort()).toEqual(files.map(({ file }) => file).sort());
});

test('every kind of ours has a definition', () => {
  const ours = Object.values(kinds).filter(({ owner }) => owner === 'coffre');
  expect(ourKinds).toEqual(ours.map(({ kind }) => kind));
  expect(ours.length).toBeGreaterThan(0);
});

const fields = definitions.flatMap(({ metadata, spec }) =>
  spec.versions.flatMap(({ schema }) => fieldsOf(schema.openAPIV3Schema, metadata.name)),
);

test('every text, list and map is bounded, or the cost of a rule over it could not be', () => {
  const unbounded = fields.filter(
    ({ schema }) =>
      (schema.type === 'array' && schema.maxItems === undefined) ||
      (schema.additionalProperties !== undefined && schema.maxProperties === undefined) ||
      (schema.type === 'string' &&
        schema.enum === undefined &&
        schema.format === undefined &&
        schema.maxLength === undefined),
  );
  expect(unbounded.map(({ path }) => path)).toEqual([]);
});

test('every field is explained', () => {
  const silent = fields.filter(({ path, schema }) => schema.description === undefined && !path.includes('.metadata'));
  expect(silent.map(({ path }) => path)).toEqual([]);
});

test('no field has a name that YAML 1.1, which kubectl reads, takes for something else than a word', () => {
  const names = fields.map(({ path }) => path.replace(/^.*\.|[[\]{}]/g, ''));
  expect(names.filter((name) => /^(y|n|yes|no|on|off|true|false|null|~)$/i.test(name))).toEqual([]);
});

test('a rule about a field that no schema has is refused', () => {
  const schema = { type: 'object', properties: { name: { type: 'string' } } };
  const rules = [cel('spec.nam', 'true', 'never')];
  expect(() => structuralSchema(schema, 'spec', rules)).toThrow('a rule speaks of `spec.nam`');
});

test.each([
  ['a field of no type', {}, 'has no type'],
  [
    'a map whose keys have several patterns',
    { type: 'object', patternProperties: { '^a': { type: 'string' }, '^b': { type: 'string' } } },
    'keys of several patterns',
  ],
])('%s has no structural form', (_name, schema, says) => {
  expect(() => structuralSchema(schema, 'spec', [])).toThrow(says);
});

function fieldsOf(
  schema: StructuralSchema,
  path: string,
): { readonly path: string; readonly schema: StructuralSchema }[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    { path, schema },
    ...Object.entries(properties).flatMap(([name, field]) => fieldsOf(field, `${path}.${name}`)),
    ...(items === undefined ? [] : fieldsOf(items, `${path}[]`)),
    ...(additionalProperties === undefined ? [] : fieldsOf(additionalProperties, `${path}{}`)),
  ];
}
