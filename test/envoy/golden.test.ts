/**
 * Whole meshes and what one of their proxies is told, as YAML that a person can read: one scenario, one folder.
 *
 *   golden/<scenario>/input.yaml ──configure──▶ golden/<scenario>/output.yaml
 *
 * The input's first lines say what is shown and for which proxy. `npm test -- --project unit -u` rewrites the outputs and
 * removes what no scenario makes, which otherwise fails; a missing output fails under CI.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonValue } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { configuredProxy, decoded, typeNames } from '../fixtures/configured.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';

const golden = join(import.meta.dirname, 'golden');
/** Said by vitest.config.ts, as a test cannot see the flag. */
const isRewriting = process.env['COFFRE_REWRITE'] === '1';

/** Outputs of redirect.test.ts, which have no input of their own. */
const rules = ['redirect.ipv4.rules', 'redirect.ipv4.user.rules', 'redirect.ipv6.rules'];

const scenarios = readdirSync(golden)
  .filter((name) => existsSync(join(golden, name, 'input.yaml')))
  .map((name) => ({ name, input: readFileSync(join(golden, name, 'input.yaml'), 'utf8') }))
  .map(({ name, input }) => ({
    name,
    input,
    sentence: comment(input, 0),
    proxy: comment(input, 1).replace('proxy ', ''),
  }));

test.each(scenarios)('$sentence ($name)', async ({ name, input, proxy }) => {
  const resources = configuredProxy(meshFrom(input, expectedProblems(input)), proxy);
  const output = Object.fromEntries(
    typeNames.map((type) => {
      const sorted = [...decoded(resources, type)].sort(([left], [right]) => (left < right ? -1 : 1));
      return [type, Object.fromEntries(sorted.map(([key, value]) => [key, forReaders(value)]))];
    }),
  );
  const text = stringify(output, { lineWidth: 120, aliasDuplicateObjects: false });
  await expect(text).toMatchFileSnapshot(join(golden, name, 'output.yaml'));
});

test('nothing is left of a scenario that is gone', () => {
  expect(scenarios.length).toBeGreaterThan(0);
  const made = scenarios.flatMap(({ name }) => [name, `${name}/input.yaml`, `${name}/output.yaml`]);
  const orphans = readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !made.includes(path) && !rules.includes(path),
  );
  if (isRewriting) for (const path of orphans) rmSync(join(golden, path), { recursive: true, force: true });
  else expect(orphans).toEqual([]);
});

/** The nth line of the comment at the head of an input. */
function comment(input: string, index: number): string {
  const line = input.split('\n')[index] ?? '';
  if (!line.startsWith('# ')) throw new Error(`line ${index + 1} of the input is no comment: \`${line}\``);
  return line.slice(2);
}

/** A third comment line may name the problems that the scenario is about. */
function expectedProblems(input: string): Parameters<typeof meshFrom>[1] {
  const named = /^# problems (.+)$/m.exec(input)?.[1];
  return (named?.split(' ') ?? []) as Parameters<typeof meshFrom>[1];
}

/** Type and name first, and PEM blocks by what they stand for: `<anchor of atelier>`. */
function forReaders(value: JsonValue): JsonValue {
  if (typeof value === 'string')
    return value.replace(/^-----BEGIN [A-Z ]+-----\n(.+)\n-----END [A-Z ]+-----\n$/, '<$1>');
  if (Array.isArray(value)) return value.map(forReaders);
  if (typeof value !== 'object' || value === null) return value;
  const { '@type': type, name, ...others } = value;
  const fields = { '@type': type, name, ...others };
  const written = Object.entries(fields).flatMap(([key, field]) =>
    field === undefined ? [] : [[key, field] as const],
  );
  return Object.fromEntries(written.map(([key, field]) => [key, forReaders(field)]));
}
