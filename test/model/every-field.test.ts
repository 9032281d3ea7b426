/** Every field of every kind through the same slips, one at a time: code, line of the field, path, advice. */
import { describe, expect, test } from 'vitest';
import { isMap, isScalar, isSeq, parseDocument as parseYaml } from 'yaml';
import { type Kind, kinds } from '../../src/model/kinds/catalogue.ts';
import { parseDocument } from '../../src/model/parse-document.ts';
import { completeObjects, otherForms } from './complete-objects.ts';

type Step = string | number;

/** Paths of all fields and items of a document, the document itself left out. */
function fieldsOf(node: unknown, path: readonly Step[] = []): Step[][] {
  if (isMap(node)) {
    return node.items.flatMap(({ key, value }) => {
      const field = [...path, isScalar(key) ? String(key.value) : ''];
      return [field, ...fieldsOf(value, field)];
    });
  }
  if (isSeq(node)) return node.items.flatMap((item, index) => [[...path, index], ...fieldsOf(item, [...path, index])]);
  return [];
}

/** Sets one field, and says on which line it came to stand. */
function withField(
  text: string,
  path: readonly Step[],
  value: unknown,
): { readonly text: string; readonly line: number } {
  const document = parseYaml(text);
  document.setIn(path, value);
  const changed = document.toString({ lineWidth: 0 });
  const lineCounted = parseYaml(changed, { keepSourceTokens: true });
  const parent = lineCounted.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  const key = isMap(parent)
    ? parent.items.find((item) => isScalar(item.key) && item.key.value === last)?.key
    : undefined;
  const node = isScalar(key) ? key : lineCounted.getIn(path, true);
  const offset = isScalar(node) || isMap(node) || isSeq(node) ? (node.range?.[0] ?? 0) : 0;
  return { text: changed, line: changed.slice(0, offset).split('\n').length };
}

function display(path: readonly Step[]): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

/** Fields that say what the object is: without them it is no object of that kind. */
const identity = new Set(['apiVersion', 'kind', 'metadata', 'metadata.name', 'metadata.namespace']);

const subjects = [
  ...(Object.keys(kinds) as Kind[]).map((kind) => ({ kind, name: kind, text: completeObjects[kind] })),
  ...otherForms.map(({ kind, form, text }) => ({ kind, name: `${kind} by ${form}`, text })),
];

for (const { kind, name: subject, text } of subjects) {
  const fields = fieldsOf(parseYaml(text).contents);

  describe(subject, () => {
    test('the complete object is valid', () => {
      const { objects, problems } = parseDocument(text, 'file.yaml');
      expect(problems).toEqual([]);
      expect(objects.map((object) => object.kind)).toEqual(['valid']);
    });

    test.each(fields.map((path) => ({ path, name: display(path) })))(
      'a wrong type in $name is told',
      ({ path, name }) => {
        const old = parseYaml(text).getIn(path, true);
        const { text: broken, line } = withField(text, path, isMap(old) || isSeq(old) ? 'marker' : ['marker']);
        const { objects, problems } = parseDocument(broken, 'file.yaml');
        expect(objects.filter((object) => object.kind === 'valid')).toEqual([]);
        const [problem] = problems;
        expect(problem?.code, JSON.stringify(problems)).toMatch(/^(wrong-type|bad-value|missing-field)$/);
        expect(problem?.severity).toBe('error');
        expect(problem?.advice).not.toBe('');
        if (identity.has(name)) return;
        expect(problem?.path).toBe(name);
        expect(problem?.where).toEqual({ file: 'file.yaml', line });
      },
    );

    const texts = fields.filter((path) => typeof parseYaml(text).getIn(path) === 'string');
    test.each(texts.map((path) => ({ path, name: display(path) })))(
      'a megabyte in $name is refused in few words',
      ({ path }) => {
        const { objects, problems } = parseDocument(withField(text, path, 'x'.repeat(1_000_000)).text, 'file.yaml');
        expect(objects.filter((object) => object.kind === 'valid')).toEqual([]);
        expect(problems.length).toBeGreaterThan(0);
        expect(JSON.stringify(problems).length).toBeLessThan(5_000);
      },
    );

    const maps = fields.filter(
      (path) => typeof path.at(-1) === 'string' && !path.includes('labels') && !path.includes('matchLabels'),
    );
    test.each(maps.map((path) => ({ path, name: display(path) })))(
      'a misspelt $name is told, or not ours to judge',
      ({ path, name }) => {
        const last = String(path.at(-1));
        const misspelt = [...path.slice(0, -1), `${last}x`];
        const { text: broken, line } = withField(text, misspelt, 'marker');
        const { problems } = parseDocument(broken, 'file.yaml');
        if (kinds[kind].owner === 'kubernetes') {
          expect(problems).toEqual([]);
          return;
        }
        expect(problems).toMatchObject([
          {
            code: 'unknown-field',
            path: display(misspelt),
            where: { file: 'file.yaml', line },
            advice: `did you mean \`${last}\`?`,
          },
        ]);
        expect(problems[0]?.message, name).toContain(`\`${display(misspelt)}\``);
      },
    );

    test.each(['__proto__', 'constructor', 'prototype'])('the key %s is refused anywhere', (key) => {
      for (const path of [[key], ['metadata', key], ['metadata', 'labels', key]]) {
        const { text: broken, line } = withField(text, path, 'marker');
        const { objects, problems } = parseDocument(broken, 'file.yaml');
        expect(objects.filter((object) => object.kind === 'valid')).toEqual([]);
        expect(problems[0]).toMatchObject({ code: 'unsafe-key', where: { line } });
        expect(Object.hasOwn(Object.prototype, 'marker')).toBe(false);
      }
    });

    test('a field written twice is told with both lines', () => {
      const lines = text.split('\n').length;
      const { objects, problems } = parseDocument(`${text}kind: ${kind}\n`, 'file.yaml');
      expect(objects.filter((object) => object.kind === 'valid')).toEqual([]);
      expect(problems[0]).toMatchObject({ code: 'yaml-syntax', path: 'kind', where: { line: lines } });
      expect(problems[0]?.message).toContain('on line 2 and here');
    });
  });
}
