/** `coffre policy test`: cases that hold, cases that do not, files that are none, and rules that nothing asked about. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documents, trustDomain } from '../fixtures/mesh-from.ts';
import { atelierPolicy, tenant, workloads } from '../fixtures/two-tenants.ts';
import { folderOf, run } from './run-command.ts';

const providers = 'identityProviders: [{ name: staff, preset: oidc, issuer: "https://id.test", audiences: [mesh] }]';
const mesh = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain} }
`,
  tenant('atelier', `environment: prod, ${providers}`),
  tenant('notaire'),
  workloads,
);
const policy = atelierPolicy(`
  selector: { matchLabels: { app: api } }
  allow:
    - to: { paths: ["/documents/{id}"] }
    - { to: { paths: [/admin] }, token: { groups: [ops], claims: [{ path: [level], values: ["3"] }] } }
  deny:
    - to: { headers: [{ name: x-debug, present: true }] }
`);
const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api, paths: [/granted] }, reason: r, notAfter: "2026-06-01T00:00:00Z" }
`;
const head = 'apiVersion: test.coffre.dev/v1alpha1\nkind: PolicyTest\nmetadata: { name: t }\n';
const casesOf = (...cases: readonly string[]) => `${head}cases:\n${cases.map((each) => `  - ${each}\n`).join('')}`;
const tested = (tests: string, ...args: readonly string[]) =>
  run(
    'policy',
    'test',
    folderOf({ 'mesh.yaml': mesh, 'policy.yaml': policy, 'grant.yaml': grant, 'a.test.yaml': tests }),
    ...args,
  );
const web = 'from: atelier/web, to: "atelier/api:80"';
const ops = 'token: { provider: staff, groups: [ops], claims: { level: 3 } }';

describe('cases that hold', () => {
  const whole = casesOf(
    `{ name: a, ${web}, path: /documents/7, expect: allow, rule: access-policy/atelier/p/allow/0 }`,
    `{ name: b, ${web}, path: /admin, ${ops}, expect: allow, rule: access-policy/atelier/p/allow/1 }`,
    `{ name: c, ${web}, path: /admin, expect: deny, reason: token-missing, rule: access-policy/atelier/p/allow/1 }`,
    `{ name: d, ${web}, path: /admin, token: invalid, expect: deny, reason: token-invalid }`,
    `{ name: e, ${web}, path: /documents/7, headers: { X-Debug: ["1", "2"] }, expect: deny, reason: deny-rule }`,
    `{ name: f, from: notaire/web, to: atelier/api, path: /granted, at: 2026-05-31T23:59:59Z, expect: allow, rule: grant/atelier/g }`,
    `{ name: g, from: notaire/web, to: atelier/api, path: /granted, expect: deny, reason: grant-expired }`,
  );

  test('end with 0, and every rule has decided one', async () => {
    const { out, err, code } = await tested(whole, '--min-coverage', '100');
    expect({ out, err, code }).toEqual({ out: '7 cases, 0 failed; 4 of 4 rules decided (100 %)\n', err: '', code: 0 });
  });

  test('the example of the page is one', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/analyze.md'), 'utf8');
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    const dir = folderOf({ 'mesh.yaml': mesh, 'policy.yaml': policy, 'page.test.yaml': example });
    expect(await run('policy', 'test', dir)).toMatchObject({
      code: 0,
      out: expect.stringContaining('2 cases, 0 failed'),
    });
  });
});

describe('cases that do not hold', () => {
  test('tell what was expected, what came, and the line that decided; and end with 1', async () => {
    const { out, code } = await tested(
      casesOf(`{ name: the web is kept out, ${web}, path: /documents/7, expect: deny }`),
    );
    expect(code).toBe(1);
    expect(out).toContain('FAILED a.test.yaml:5: t: the web is kept out\n    expected deny\n');
    expect(out).toContain('    got      allow (allow-rule) by access-policy/atelier/p/allow/0 at atelier/api-1\n');
    expect(out).toContain('    `access-policy/atelier/p/allow/0` (policy.yaml:8) allows it\n');
  });

  test.each([
    ['another reason', `{ name: n, ${web}, path: /admin, expect: deny, reason: deny-rule }`],
    ['another rule', `{ name: n, ${web}, path: /documents/7, expect: allow, rule: access-policy/atelier/p/allow/1 }`],
    ['a rule where none decided', `{ name: n, ${web}, path: /x, expect: deny, rule: access-policy/atelier/p/deny/0 }`],
    ['nobody to ask', '{ name: n, from: atelier/web, to: atelier/gone, expect: deny }'],
  ])('%s is a failure too', async (_, written) => {
    const { out, code } = await tested(casesOf(written));
    expect(code).toBe(1);
    expect(out).toContain('1 case, 1 failed');
  });

  test('JSON tells the same', async () => {
    const { out } = await tested(casesOf(`{ name: n, ${web}, path: /documents/7, expect: deny }`), '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      results: [{ name: 'n', failures: [{ rule: { where: { file: 'policy.yaml', line: 8 } } }] }],
      coverage: { rules: 4, decided: 1, percent: 25 },
    });
  });
});

describe('coverage', () => {
  const one = casesOf(`{ name: n, ${web}, path: /documents/7, expect: allow }`);

  test('names what nothing decided by', async () => {
    const { out, code } = await tested(one);
    expect(code).toBe(0);
    expect(out).toContain('nothing decided by policy.yaml:11: access-policy/atelier/p/deny/0\n');
    expect(out).toContain('nothing decided by grant.yaml:2: grant/atelier/g\n');
  });

  test('that is too small ends with 1, and that which is enough does not', async () => {
    expect((await tested(one, '--min-coverage', '26')).code).toBe(1);
    expect((await tested(one, '--min-coverage', '25')).code).toBe(0);
  });

  test('a policy under audit decides nothing and is not counted', async () => {
    const audited = policy.replace('spec:', 'spec:\n  enforcement: Audit');
    const dir = folderOf({ 'mesh.yaml': mesh, 'policy.yaml': audited, 'a.test.yaml': one });
    expect((await run('policy', 'test', dir)).out).toContain('0 of 0 rules decided (100 %)');
  });
});

describe('files that are no tests', () => {
  test.each([
    ['a word that is none', casesOf(`{ name: n, ${web}, expects: allow }`), 'a.test.yaml:5: cases[0].expects'],
    ['nothing expected', casesOf(`{ name: n, ${web} }`), '`cases[0].expect` is missing'],
    ['neither', casesOf(`{ name: n, ${web}, expect: maybe }`), 'cases[0].expect'],
    ['no destination', casesOf('{ name: n, from: atelier/web, to: api, expect: deny }'), 'tenant/service'],
    [
      'a token of nobody',
      casesOf(`{ name: n, ${web}, token: { groups: [ops] }, expect: deny }`),
      '`provider` of a valid token',
    ],
    ['a day that is none', casesOf(`{ name: n, ${web}, at: 2026-02-30T25:00:00Z, expect: deny }`), 'cases[0].at'],
    ['a host in capitals', casesOf(`{ name: n, ${web}, host: A.test, expect: deny }`), 'cases[0].host'],
    ['a query', casesOf(`{ name: n, ${web}, path: "/a?b", expect: deny }`), 'cases[0].path'],
    ['an object of the mesh', tenant('other'), 'a.test.yaml:2: apiVersion'],
    ['no YAML', 'cases: [', 'is not YAML'],
    ['nothing', '', 'tests nothing'],
    ['a field twice', `${head}kind: PolicyTest\ncases: []\n`, 'written twice'],
  ])('%s: told with its line and what to write, and ends with 1', async (_, tests, told) => {
    const { err, code } = await tested(tests);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: a\.test\.yaml:\d+: /);
    expect(err).toContain(told);
  });

  test('errors of the mesh end with 1 as well, since the cases speak of what is in force without', async () => {
    const dir = folderOf({
      'mesh.yaml': mesh,
      'policy.yaml': atelierPolicy('{ denied: [] }'),
      'a.test.yaml': casesOf(`{ name: n, ${web}, expect: deny }`),
    });
    expect(await run('policy', 'test', dir)).toMatchObject({ code: 1, err: expect.stringContaining('policy.yaml:5') });
  });

  test('a folder without any ends with 2', async () => {
    expect(await run('policy', 'test', folderOf({ 'mesh.yaml': mesh }))).toMatchObject({ code: 2 });
  });

  test('a control plane reads none of them, and says so', async () => {
    const dir = folderOf({ 'mesh.yaml': mesh, 'a.test.yaml': casesOf(`{ name: n, ${web}, expect: deny }`) });
    const { out, code } = await run('check', dir);
    expect(code).toBe(0);
    expect(out).toContain('is not read here');
  });
});
