/** Whole files that are not as they should be: what is read, what is told, and whether the rest of the file goes on. */
import { expect, test } from 'vitest';
import { fileLengthMax, parseDocument } from '../../src/model/parse-document.ts';
import { formatSourceRef } from '../../src/model/source-ref.ts';
import { completeObjects } from './complete-objects.ts';

interface Row {
  readonly sentence: string;
  readonly text: string;
  /** `code file:line path`, in order. */
  readonly problems: readonly string[];
  /** `kind id`. */
  readonly objects?: readonly string[];
  readonly completeness: 'whole' | 'some-unidentified' | 'unreadable';
  /** What the first message or advice says. */
  readonly says: string;
}

const tenant = completeObjects.Tenant;
const aTenant = 'valid Tenant//shop';

function document(kind: string, apiVersion: string): string {
  return `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: a, namespace: shop}\nspec: {}\n`;
}

const rows: readonly Row[] = [
  {
    sentence: 'a bracket left open makes the whole file unreadable',
    text: `${tenant}---\na: [\n`,
    problems: [`yaml-syntax f.yaml:${tenant.split('\n').length + 2} `],
    completeness: 'unreadable',
    says: 'not YAML that can be read',
  },
  {
    sentence: 'a tab as indentation is told on its line',
    text: 'a:\n\tb: 1\n',
    problems: ['yaml-syntax f.yaml:2 '],
    completeness: 'unreadable',
    says: 'mend this line',
  },
  {
    sentence: 'a tag of somebody’s own is refused',
    text: 'a: !secret x\n',
    problems: ['yaml-syntax f.yaml:1 '],
    completeness: 'unreadable',
    says: '!secret',
  },
  {
    sentence: 'nesting beyond any kind is refused',
    text: `a: ${'['.repeat(100)}${']'.repeat(100)}\n`,
    problems: [`bad-value f.yaml:1 a${'[0]'.repeat(32)}`],
    completeness: 'unreadable',
    says: 'deeper than 32 levels',
  },
  {
    sentence: 'more separators than fields are refused before the parser sees them',
    text: `[${'1,'.repeat(400_001)}]`,
    problems: ['file-too-large f.yaml:1 '],
    completeness: 'unreadable',
    says: '400000 separators',
  },
  ...[']', '[a]', '"" ', '&a ', '!a ', '? ', "''"].map((token) => ({
    sentence: `the same holds where they are written \`${token}\``,
    text: token.repeat(400_001),
    problems: ['file-too-large f.yaml:1 '],
    completeness: 'unreadable' as const,
    says: '400000 separators',
  })),
  {
    sentence: 'escapes inside quotes are counted too',
    text: `"${'\\q'.repeat(400_001)}"`,
    problems: ['file-too-large f.yaml:1 '],
    completeness: 'unreadable',
    says: '400000 separators',
  },
  {
    sentence: 'a billion laughs are refused by what they expand to',
    text: `a: &a [x,x,x,x,x,x,x,x,x,x]\n${['b', 'c', 'd', 'e', 'f'].map((name, index) => `${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcde'[index]}`).join(',')}]\n`).join('')}`,
    problems: ['alias-bomb f.yaml:4 d[7]'],
    completeness: 'unreadable',
    says: 'expand beyond its bound',
  },
  {
    sentence: 'an alias inside its own anchor ends',
    text: `${tenant.replace('environment: prod', 'environment: &e [*e]')}`,
    problems: ['yaml-syntax f.yaml:7 spec.environment[0]', 'wrong-type f.yaml:7 spec.environment'],
    objects: ['broken Tenant//shop'],
    completeness: 'whole',
    says: 'names no anchor before it',
  },
  {
    sentence: 'a file beyond its length is not read',
    text: ' '.repeat(fileLengthMax + 1),
    problems: ['file-too-large f.yaml:1 '],
    completeness: 'unreadable',
    says: 'more than 4194304 characters',
  },
  {
    sentence: 'more fields than a file may have are refused',
    text: `[${'1,'.repeat(200_001)}]`,
    problems: ['file-too-large f.yaml:1 [199999]'],
    completeness: 'unreadable',
    says: 'too many fields',
  },
  {
    sentence: 'a document that is a list is no object, and the others go on',
    text: `- a\n---\n${tenant}`,
    problems: ['not-an-object f.yaml:1 '],
    objects: [aTenant],
    completeness: 'some-unidentified',
    says: 'not an object',
  },
  {
    sentence: 'a number that JSON lacks is refused',
    text: tenant.replace('environment: prod', 'environment: .nan'),
    problems: ['wrong-type f.yaml:7 spec.environment', 'wrong-type f.yaml:7 spec.environment'],
    objects: ['broken Tenant//shop'],
    completeness: 'whole',
    says: '`NaN` is no value that JSON has',
  },
  {
    sentence: 'a misspelt kind is guessed',
    text: document('AccessPolcy', 'coffre.dev/v1alpha1'),
    problems: ['unknown-kind f.yaml:2 kind'],
    completeness: 'some-unidentified',
    says: 'did you mean `AccessPolicy` of `coffre.dev/v1alpha1`?',
  },
  {
    sentence: 'a kind of ours that is like none is told which there are',
    text: document('Firewall', 'coffre.dev/v1alpha1'),
    problems: ['unknown-kind f.yaml:2 kind'],
    completeness: 'some-unidentified',
    says: 'the kinds are `Mesh`, `Tenant`, `Grant`, `AccessPolicy`',
  },
  {
    sentence: 'a misspelt group is that object, broken',
    text: tenant.replace('coffre.dev/', 'cofre.dev/'),
    problems: ['bad-value f.yaml:1 apiVersion'],
    objects: ['broken Tenant//shop'],
    completeness: 'whole',
    says: 'must be `coffre.dev/v1alpha1`, not `cofre.dev/v1alpha1`',
  },
  {
    sentence: 'somebody else’s kind is left alone, with a warning',
    text: document('Deployment', 'apps/v1'),
    problems: ['unknown-kind f.yaml:2 kind'],
    completeness: 'whole',
    says: 'is not read here, and changes nothing',
  },
  {
    sentence: 'somebody else’s `Tenant` is not ours',
    text: document('Tenant', 'capsule.example/v1'),
    problems: ['unknown-kind f.yaml:2 kind'],
    completeness: 'whole',
    says: '`Tenant` of `capsule.example/v1`',
  },
  {
    sentence: 'an object without a name is nobody’s',
    text: 'apiVersion: coffre.dev/v1alpha1\nkind: Tenant\nmetadata: {}\nspec: {environment: prod}\n',
    problems: ['missing-field f.yaml:3 metadata.name'],
    completeness: 'some-unidentified',
    says: 'is missing or no name',
  },
  {
    sentence: 'a policy without a name still denies its namespace',
    text: completeObjects.AccessPolicy.replace('  name: api\n', ''),
    problems: ['missing-field f.yaml:3 metadata.name'],
    objects: ['broken AccessPolicy/shop/'],
    completeness: 'whole',
    says: 'until it is mended the policy denies everything it selects',
  },
  {
    sentence: 'a name that is no DNS label is refused',
    text: tenant.replace('name: shop', 'name: Shop_1'),
    problems: ['bad-value f.yaml:4 metadata.name'],
    objects: ['broken Tenant//Shop_1'],
    completeness: 'whole',
    says: '`Shop_1`, which is not well formed',
  },
  {
    sentence: 'a mesh of another name is refused',
    text: completeObjects.Mesh.replace('name: default', 'name: other'),
    problems: ['bad-value f.yaml:4 metadata.name'],
    objects: ['broken Mesh//other'],
    completeness: 'whole',
    says: 'must be `default`, not `other`',
  },
  {
    sentence: 'a certificate that lives a second is refused',
    text: completeObjects.Mesh.replace('24h', '1s'),
    problems: ['bad-value f.yaml:8 spec.certificates.leafLifetime'],
    objects: ['broken Mesh//default'],
    completeness: 'whole',
    says: 'between `10m` and `720h`',
  },
  {
    sentence: 'a resolver on loopback is refused',
    text: completeObjects.Mesh.replace('10.96.0.10', '127.0.0.1'),
    problems: ['bad-value f.yaml:16 spec.dns.resolvers[0]'],
    objects: ['broken Mesh//default'],
    completeness: 'whole',
    says: 'not the address of a neighbour',
  },
  {
    sentence: 'a grant that ends on a day that no calendar has is refused',
    text: completeObjects.Grant.replace('2027-01-31T18', '2027-02-30T18'),
    problems: ['bad-value f.yaml:25 spec.notAfter'],
    objects: ['broken Grant/shop/invoices'],
    completeness: 'whole',
    says: 'is no moment of the calendar',
  },
  {
    sentence: 'an empty list of callers could mean nobody or anyone',
    text: 'apiVersion: coffre.dev/v1alpha1\nkind: AccessPolicy\nmetadata: {name: a, namespace: shop}\nspec:\n  allow:\n    - from:\n        tenants: []\n',
    problems: ['bad-value f.yaml:7 spec.allow[0].from.tenants'],
    objects: ['broken AccessPolicy/shop/a'],
    completeness: 'whole',
    says: 'an empty list could mean nobody or anyone',
  },
  {
    sentence: 'a policy without rules could mean nobody or anyone',
    text: document('AccessPolicy', 'coffre.dev/v1alpha1'),
    problems: ['missing-field f.yaml:4 spec'],
    objects: ['broken AccessPolicy/shop/a'],
    completeness: 'whole',
    says: 'neither `allow` nor `deny`',
  },
  {
    sentence: 'an empty file says nothing, and nothing is wrong',
    text: '# later\n---\n',
    problems: [],
    completeness: 'whole',
    says: '',
  },
];

test.each(rows)('$sentence', ({ text, problems, objects = [], completeness, says }) => {
  const parsed = parseDocument(text, 'f.yaml');
  expect(parsed.problems.map(({ code, where, path }) => `${code} ${formatSourceRef(where)} ${path}`)).toEqual(problems);
  expect(parsed.objects.map(({ kind, id }) => `${kind} ${id}`)).toEqual(objects);
  expect(parsed.completeness).toBe(completeness);
  const [first] = parsed.problems;
  expect(`${first?.message} ${first?.advice}`).toContain(says);
});

const goodPaths = ['/', '/*', '/admin', '/admin/', '/admin/*', '/a.b/..c/.well-known/*', "/a!$&'()+,=:@-_~/b"];
const badPaths = [
  '',
  'admin',
  '//',
  '/a//b',
  '/a/../b',
  '/..',
  '/.',
  '/a/./b',
  '/a%2fb',
  '/a\\b',
  '/a;b',
  '/a?b',
  '/a#b',
  '/a*',
  '/*/b',
  '/a/**',
  '/é',
  '/a b',
];

test.each([...goodPaths.map((path) => ({ path, isGood: true })), ...badPaths.map((path) => ({ path, isGood: false }))])(
  'the path $path can be written: $isGood',
  ({ path, isGood }) => {
    const text = completeObjects.Grant.replace('- /orders/*', () => `- ${JSON.stringify(path)}`);
    const [object] = parseDocument(text, 'f.yaml').objects;
    expect(object?.kind).toBe(isGood ? 'valid' : 'broken');
  },
);

test('SEC-53 nesting beyond the stack is refused like any other syntax', () => {
  const { problems, completeness } = parseDocument('- '.repeat(50_000), 'f.yaml');
  expect(completeness).toBe('unreadable');
  expect(new Set(problems.map(({ code }) => code))).toEqual(new Set(['yaml-syntax']));
});

test('a broken policy keeps its selector where that alone can be read', () => {
  const [object] = parseDocument(completeObjects.AccessPolicy.replace('- GET', '- get'), 'f.yaml').objects;
  expect(object).toMatchObject({ kind: 'broken', scope: { selector: { app: 'api' }, enforcement: 'Enforce' } });
});

test('a broken policy whose selector is in doubt denies its whole tenant', () => {
  const twice = completeObjects.AccessPolicy.replace('  allow:', '  selector: {}\n  allow:');
  const misspelt = completeObjects.AccessPolicy.replace('matchLabels', 'matchLabel');
  for (const text of [twice, misspelt]) {
    const [object] = parseDocument(text, 'f.yaml').objects;
    expect(object).toMatchObject({ kind: 'broken', scope: { selector: undefined } });
  }
});

const brokenPolicy = (spec: string) =>
  parseDocument(
    `apiVersion: coffre.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: p, namespace: shop }\nspec:\n${spec}`,
    'f.yaml',
  );

test.each([
  ['the rules cannot be read', '  enforcement: Audit\n  deny: 7\n'],
  ['the selector cannot be read', '  enforcement: Audit\n  selector: 7\n  deny: [{}]\n'],
  ['a rule is written twice', '  enforcement: Audit\n  deny: [{}]\n  deny: []\n'],
])('a broken policy stays under audit where %s', (_what, spec) => {
  const { objects, problems } = brokenPolicy(spec);
  expect(objects).toMatchObject([{ kind: 'broken', scope: { enforcement: 'Audit' } }]);
  expect(problems[0]?.message).toMatch(/is judged as one that denies everything it selects$/);
});

test.each([
  ['is misspelt', '  enforcment: Audit\n  deny: [{}]\n'],
  ['has another value', '  enforcement: audit\n  deny: [{}]\n'],
  ['is written twice', '  enforcement: Audit\n  enforcement: Enforce\n  deny: [{}]\n'],
  ['is absent', '  deny: 7\n'],
])('a broken policy is enforced where its enforcement %s', (_what, spec) => {
  const { objects, problems } = brokenPolicy(spec);
  expect(objects).toMatchObject([{ kind: 'broken', scope: { enforcement: 'Enforce' } }]);
  expect(problems[0]?.message).toMatch(/the policy denies everything it selects$/);
});

test('what a cluster adds to an object of ours changes nothing of it', () => {
  const inCluster = completeObjects.Tenant.replace(
    '  name: shop\n',
    '  name: shop\n  uid: 7f\n  resourceVersion: "9"\n  managedFields: [{manager: kubectl}]\n',
  );
  const [written] = parseDocument(completeObjects.Tenant, 'f.yaml').objects;
  const [read] = parseDocument(`${inCluster}status: {conditions: []}\n`, 'f.yaml').objects;
  expect(read?.kind).toBe('valid');
  expect(read?.hash).toBe(written?.hash);
});
