/** The page for those who scrape: each metric is in it as the code has it, and no other. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Instrument } from '../../src/telemetry/instrument.ts';
import { instruments } from '../../src/telemetry/instruments.ts';
import { spanAttributes, spans } from '../../src/telemetry/spans.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/telemetry.md'), 'utf8');

function row({ name, kind, unit, labels, description }: Instrument): string {
  const shown = Object.keys(labels).map((label) => `\`${label}\``);
  return `| \`${name}\` | ${kind === 'read-counter' ? 'counter' : kind} | ${unit} | ${shown.join(', ')} | ${description} |`;
}

test('every metric has its row, in the order of the code, and there is no other', () => {
  const rows = page.split('\n').filter((line) => /^\| `[a-z_]+` \| (?:counter|gauge|histogram) /.test(line));
  expect(rows).toEqual(Object.values(instruments).map(row));
});

test.each([...Object.values(spans), ...Object.values(spanAttributes)])('%s is explained', (name) => {
  expect(page).toContain(`\`${name}\``);
});
