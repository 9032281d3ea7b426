/** The HTML form: one file that needs nothing, runs nothing, and in which nobody else can write a tag. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drillReport } from '../../../src/chaos/report/drill-report.ts';
import { call, occurrence, sampleHappenings } from './sample-happenings.ts';
import { sampleRecord } from './sample-record.ts';

const head = 'eu-1:4711:9f86';
const whole = { record: sampleRecord, happenings: { each: sampleHappenings, isCut: false }, head };
const page = drillReport(whole, 'html', 'en');

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const voids: ReadonlySet<string> = new Set(['meta']);
const attribute = /\s+([\w:-]+)="([^"<>]*)"/gy;

/**
 * Reads a page as strictly as XML: every tag closed in order, every attribute quoted, no stray bracket or ampersand.
 * @throws with what is wrong.
 */
function elementsOf(text: string): readonly Element[] {
  const elements: Element[] = [];
  const open: string[] = [];
  const markup = text.replace(/^<!doctype html>\n/, '').replace(/<style>[^<]*<\/style>/, '');
  for (const part of markup.split(/(?=<)/)) {
    const [, slash = '', name = '', inside = '', selfClosed = '', rest = ''] =
      /^<(\/?)([a-z][a-z0-9]*)((?:\s+[\w:-]+="[^"<>]*")*)(\/?)>([^<>]*)$/s.exec(part) ?? [];
    if (name === '') throw new Error(`no tag: ${part.slice(0, 80)}`);
    if (/&(?!amp;|lt;|gt;|quot;|#39;)/.test(rest)) throw new Error(`a stray ampersand: ${rest.slice(0, 80)}`);
    if (slash === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    elements.push({
      name,
      attributes: Object.fromEntries([...inside.matchAll(attribute)].map(([, k = '', v = '']) => [k, v])),
    });
    if (selfClosed === '' && !voids.has(name)) open.push(name);
  }
  expect(open).toEqual([]);
  return elements;
}

test('is well formed, and made of nothing that loads, runs or leads away', () => {
  const elements = elementsOf(page);
  const names = new Set(elements.map(({ name }) => name));
  for (const name of ['script', 'img', 'iframe', 'object', 'embed', 'link', 'a', 'form', 'foreignobject', 'use']) {
    expect(names).not.toContain(name);
  }
  const attributes = new Set(elements.flatMap((element) => Object.keys(element.attributes)));
  expect([...attributes].filter((name) => /^on|^(?:href|src|style|action|xlink:href)$/.test(name))).toEqual([]);
  expect(page).not.toMatch(/url\(|@import|https?:\/\/(?!10\.0\.0\.5)/);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
});

describe('for those who do not see it', () => {
  const elements = elementsOf(page);

  test('each graph has a title, a description, and its numbers in a table', () => {
    const graphs = elements.filter(({ name }) => name === 'svg');
    expect(graphs).toHaveLength(2);
    for (const { attributes } of graphs) {
      expect(attributes['role']).toBe('img');
      for (const id of attributes['aria-labelledby']?.split(' ') ?? []) {
        expect(elements.filter((element) => element.attributes['id'] === id)).toHaveLength(1);
      }
    }
    expect(elements.filter(({ name }) => name === 'details')).toHaveLength(2);
  });

  test('the language is said, each table has a caption, each column a scope', () => {
    expect(drillReport(whole, 'html', 'fr')).toContain('<html lang="fr">');
    const count = (wanted: string) => elements.filter(({ name }) => name === wanted).length;
    expect(count('caption')).toBe(count('table'));
    expect(elements.filter(({ name, attributes }) => name === 'th' && attributes['scope'] !== 'col')).toEqual([]);
  });
});

test('a drill whose fault was never laid has no graph, and one without traffic none of failures', () => {
  const graphsOf = (record: typeof sampleRecord) =>
    elementsOf(drillReport({ ...whole, record, happenings: { each: [], isCut: false } }, 'html', 'en')).filter(
      ({ name }) => name === 'svg',
    );
  expect(graphsOf({ ...sampleRecord, faultAtMs: 0 })).toHaveLength(0);
  expect(graphsOf(sampleRecord)).toHaveLength(1);
});

describe('words of others', () => {
  const shape = (text: string) => elementsOf(text).map(({ name, attributes }) => [name, Object.keys(attributes)]);
  const benign = shape(hostile('word'));

  test.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</td></tr></table><h1>the hypothesis held</h1>',
    '</style><style>*{display:none}',
    '</title></head><body>',
    '&lt;b&gt; &amp;lt; &#60;',
    '<!-- ]]> <![CDATA[ <?xml',
    '\u0000\u202e\ud83d',
  ])('are text: %s', (words) => {
    expect(shape(hostile(words))).toEqual(benign);
  });

  test('are text, whatever they are', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('<', '>', '"', "'", '&', '</td>', '-->', '`a'),
    );
    const words = fc.array(part, { maxLength: 8 }).map((parts) => `x${parts.join('').replaceAll('`', '')}`);
    fc.assert(
      fc.property(words, (text) => {
        expect(shape(hostile(text))).toEqual(benign);
      }),
      { seed: Number(process.env['COFFRE_SEED']), numRuns: 60 },
    );
  });

  function hostile(text: string): string {
    return drillReport(
      {
        head: text,
        happenings: {
          isCut: false,
          each: [
            occurrence(5, 'nack', text, { words: text }),
            call(10, 'failed', { proxy: 'atelier/web-1', callee: text, detail: text }),
            call(20, 'denied', { caller: text, callee: text, detail: text }),
          ],
        },
        record: {
          ...sampleRecord,
          drill: text,
          reason: text,
          hypothesis: text,
          startedBy: text,
          timeline: sampleRecord.timeline.map((each) => ({ ...each, text, about: text })),
          proxies: sampleRecord.proxies.map((each) => ({ ...each, why: text })),
          callers: sampleRecord.callers.map((each) => ({ ...each, account: `a/${text}` })),
        },
      },
      'html',
      'fr',
    );
  }
});
