/** `coffre analyze`: what a person reads, what code review takes, and how it ends. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { expect, test } from 'vitest';
import { findingHelp } from '../../src/policy/analyze-finding.ts';
import { documents, trustDomain } from '../fixtures/mesh-from.ts';
import { atelierPolicy, twoTenants } from '../fixtures/two-tenants.ts';
import { folderOf, run } from './run-command.ts';

const mesh = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain} }
`,
  twoTenants,
);
const twice = atelierPolicy(`
  selector: { matchLabels: { app: api } }
  allow:
    - to: { paths: [/a/*] }
    - to: { paths: [/a/b] }
`);
const noted = atelierPolicy('{ deny: [{ from: { tenants: [notaire] } }] }');
const broken = atelierPolicy('{ denied: [] }');
const ended = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: r, notAfter: "2026-01-01T00:00:00Z" }
`;

test('a finding names the rule, its line, and the rule that stands over it', async () => {
  const { out, code } = await run('analyze', '-f', folderOf({ 'mesh.yaml': mesh, 'policy.yaml': twice }));
  expect(code).toBe(0);
  expect(out).toContain('warning: policy.yaml:9: access-policy/atelier/p/allow/1: every request that this rule allows');
  expect(out).toContain('    see policy.yaml:8: access-policy/atelier/p/allow/0\n');
  expect(out).toContain(': 0 errors, 1 warning, 0 notes\n');
});

test.each([
  ['a warning', twice, 0, 1],
  ['a grant that has ended', ended, 0, 1],
  ['a note', noted, 0, 0],
  ['an error', broken, 1, 1],
])('%s ends it as it should, and strictly so where that is asked', async (_, policy, code, strict) => {
  const dir = folderOf({ 'mesh.yaml': mesh, 'policy.yaml': policy });
  expect((await run('analyze', '-f', dir)).code).toBe(code);
  expect((await run('analyze', '-f', dir, '--strict')).code).toBe(strict);
});

test('JSON says which rules can be removed', async () => {
  const { out } = await run('analyze', '-f', folderOf({ 'mesh.yaml': mesh, 'policy.yaml': twice }), '-o', 'json');
  expect(JSON.parse(out)).toMatchObject({
    problems: [],
    findings: [{ code: 'shadowed-rule', removable: true, where: { file: 'policy.yaml', line: 9 } }],
  });
});

test('a folder that is not there, and a format that is none, end with 2', async () => {
  expect(await run('analyze', '-f', '/nonexistent')).toMatchObject({ code: 2, out: '' });
  expect(await run('analyze', '-f', folderOf({}), '-o', 'xml')).toMatchObject({ code: 2, out: '' });
});

const text = Type.Object({ text: Type.String({ minLength: 1 }) });
const location = Type.Object({
  physicalLocation: Type.Object({
    artifactLocation: Type.Object({ uri: Type.String({ minLength: 1, pattern: '^[^ \\\\]+$' }) }),
    region: Type.Object({ startLine: Type.Integer({ minimum: 1 }) }),
  }),
});
/** What the standard requires of the properties that are used here. Source: SARIF 2.1.0, sections 3.13, 3.14, 3.18, 3.19, 3.27 to 3.30, 3.49. */
const sarif = Type.Object({
  $schema: Type.String(),
  version: Type.Literal('2.1.0'),
  runs: Type.Array(
    Type.Object({
      tool: Type.Object({
        driver: Type.Object({
          name: Type.String(),
          rules: Type.Array(Type.Object({ id: Type.String(), shortDescription: text, help: text })),
        }),
      }),
      results: Type.Array(
        Type.Object({
          ruleId: Type.String(),
          ruleIndex: Type.Integer({ minimum: 0 }),
          level: Type.Enum(['none', 'note', 'warning', 'error']),
          message: text,
          locations: Type.Array(location, { minItems: 1 }),
          relatedLocations: Type.Optional(Type.Array(Type.Intersect([location, Type.Object({ message: text })]))),
        }),
      ),
    }),
    { minItems: 1, maxItems: 1 },
  ),
});

test('SARIF has the shape that the standard asks for, and every result its rule, level, file and line', async () => {
  const dir = folderOf({
    'mesh.yaml': mesh,
    'a policy.yaml': twice,
    'noted.yaml': noted.replace('name: p', 'name: q'),
    'z.yaml': ended,
  });
  const { out } = await run('analyze', '-f', dir, '-o', 'sarif');
  const log: unknown = JSON.parse(out);
  if (!Check(sarif, log)) return expect.fail(out);
  const [{ tool, results } = expect.fail('no run')] = log.runs;
  const { rules } = tool.driver;
  expect(results.map(({ ruleId, level }) => `${level} ${ruleId}`)).toEqual([
    'warning expired-grant',
    'warning shadowed-rule',
    'note walled-callers',
  ]);
  for (const { ruleId, ruleIndex } of results) expect(rules[ruleIndex]?.id).toBe(ruleId);
  expect(rules.find(({ id }) => id === 'shadowed-rule')?.help.text).toBe(findingHelp['shadowed-rule']);
  const [place = expect.fail('no place')] = results[1]?.locations ?? [];
  expect(place.physicalLocation.region.startLine).toBe(9);
  expect(existsSync(fileURLToPath(place.physicalLocation.artifactLocation.uri))).toBe(true);
});

test('SARIF names files below where it runs as code review does', async () => {
  const { out } = await run('analyze', '-f', 'deploy/demo', '-o', 'sarif', '--strict');
  const uris: string[] = JSON.parse(out).runs[0].results.map(
    (result: { locations: { physicalLocation: { artifactLocation: { uri: string } } }[] }) =>
      result.locations[0]?.physicalLocation.artifactLocation.uri,
  );
  expect(uris.length).toBeGreaterThan(0);
  for (const uri of uris) expect(uri).toMatch(/^deploy\/demo\//);
});
