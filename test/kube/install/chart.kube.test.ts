/** The chart and the plain manifests are two mouths of one installation: a real Helm renders it, object by object the same. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { run } from '../../cli/run-command.ts';
import { isHelmHere, runHelm } from './run-helm.ts';
import { hostile, variations } from './values-of-tests.ts';

describe.skipIf(!isHelmHere)('the chart, by a real Helm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-chart-'));
  const chart = join(folder, 'chart');
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeAll(async () => {
    expect(await run('chart', '--out', chart)).toMatchObject({ code: 0, err: '' });
  });

  const helm = (...args: readonly string[]) => runHelm(folder, args);

  function fileOf(text: string): string {
    const file = join(folder, 'values.yaml');
    writeFileSync(file, text);
    return file;
  }

  test('it is written once, and never over another', async () => {
    const { code, err } = await run('chart', '--out', chart);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('Chart.yaml') });
  });

  test('lint finds nothing', async () => {
    const { out, code } = await helm('lint', '--strict', chart);
    expect(out).toContain('1 chart(s) linted, 0 chart(s) failed');
    expect(code).toBe(0);
  });

  test.each(Object.entries(variations))('%s: it yields what `coffre install --dry-run` prints', async (_name, text) => {
    const file = fileOf(text);
    const rendered = await helm('template', 'coffre', chart, '--include-crds', '-f', file);
    expect(rendered).toMatchObject({ code: 0, err: '' });
    const printed = await run('install', '--dry-run', '-f', file);
    expect(byName(rendered.out)).toEqual(byName(printed.out));
  });

  test('the values that it comes with are the defaults, each under what it is for', async () => {
    const values = join(chart, 'values.yaml');
    const [fromFile, without] = [await run('install', '--dry-run', '-f', values), await run('install', '--dry-run')];
    expect(fromFile.out).toBe(without.out);
    const { out } = await helm('show', 'values', chart);
    expect(Object.keys(parse(out))).toContain('controlPlane');
  });

  test.each(hostile)('%s is refused', async (text, path) => {
    const { out, err, code } = await helm('template', 'coffre', chart, '-f', fileOf(text));
    expect({ out, code }).toEqual({ out: '', code: 1 });
    const field =
      path
        .replace(/\[\d+\]$/, '')
        .split('.')
        .at(-1) ?? '';
    expect(err).toContain(field);
  });

  test('a cluster that is too old is refused by the chart as well', async () => {
    const { err, code } = await helm('template', 'coffre', chart, '--kube-version', '1.30.9');
    expect(code).toBe(1);
    expect(err).toContain('kubeVersion');
  });
});

/** By what tells each from the others; of the order an API server makes nothing, and each of the two has its own. */
function byName(text: string): ReadonlyMap<string, unknown> {
  const objects = parseAllDocuments(text, { version: '1.1' }).flatMap((document) => document.toJS() ?? []);
  const named = objects.map((object: { kind: string; metadata: { name: string; namespace?: string } }) => {
    const { kind, metadata } = object;
    return [[kind, metadata.namespace, metadata.name].join('/'), object] as const;
  });
  const map = new Map(named.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (map.size !== named.length) throw new Error('an object is there twice');
  return map;
}
