/** What is called superfluous can go: over random policies no request is decided otherwise without it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyze } from '../../src/policy/analyze.ts';
import type { PolicyFinding } from '../../src/policy/analyze-finding.ts';
import { decide } from '../../src/policy/decide.ts';
import { documents, meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { snapshotOf } from '../fixtures/random-mesh.ts';
import { atelierPolicy, pod, service, tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';
import { requestOf } from './language/asked-request.ts';
import {
  type Drawn,
  objectsOf,
  type PolicySketch,
  policyIn,
  randomPolicies,
  randomRequest,
  viewDrawn,
} from './language/drawn.ts';

const nowMs = Date.UTC(2026, 10, 22);

function removableOf(drawn: Drawn): readonly string[] {
  const removable = analyze(snapshotOf(objectsOf(drawn)), nowMs).filter((finding) => finding.removable);
  return removable.map(({ subject }) => subject);
}

/** As if its author had taken these rules and grants out. */
function without(drawn: Drawn, subjects: readonly string[]): Drawn {
  const isLeft = (name: string) => !subjects.includes(name);
  const policies = drawn.policies.flatMap((policy, at): PolicySketch[] => {
    const { allow = [], deny = [], ...rest } = policy;
    const left = {
      allow: allow.filter((_, index) => isLeft(`access-policy/aurore/p${at}/allow/${index}`)),
      deny: deny.filter((_, index) => isLeft(`access-policy/aurore/p${at}/deny/${index}`)),
    };
    const written = Object.fromEntries(Object.entries(left).filter(([, rules]) => rules.length > 0));
    return Object.keys(written).length === 0 ? [] : [{ ...rest, ...written }];
  });
  return { ...drawn, policies, grants: drawn.grants.filter((_, at) => isLeft(`grant/aurore/g${at}`)) };
}

test('without a rule that is called superfluous, or all of them, every request is decided alike', {
  timeout: 120_000,
}, () => {
  const tally = { removed: 0, allowed: 0 };
  fc.assert(
    fc.property(randomPolicies, fc.array(randomRequest, { minLength: 60, maxLength: 60 }), (drawn, requests) => {
      const removable = removableOf(drawn);
      if (removable.length === 0) return;
      tally.removed += removable.length;
      const whole = policyIn(viewDrawn(drawn));
      for (const subjects of [...removable.map((one) => [one]), removable]) {
        const rest = policyIn(viewDrawn(without(drawn, subjects)));
        for (const asked of requests) {
          const [before, after] = [whole, rest].map((policy) => decide(policy, requestOf(asked), nowMs));
          expect(after?.kind, `${subjects}: ${JSON.stringify(asked)}`).toBe(before?.kind);
          if (before?.kind !== 'allow' || after?.kind !== 'allow') continue;
          tally.allowed += 1;
          expect(after.audited?.kind === undefined).toBe(before.audited?.kind === undefined);
        }
      }
    }),
    { numRuns: 400 },
  );
  // Nothing found, and nothing let in, would prove nothing.
  expect(tally.removed).toBeGreaterThan(30);
  expect(tally.allowed).toBeGreaterThan(500);
});

const allow = (...rules: readonly string[]) =>
  `{ selector: { matchLabels: { app: api } }, allow: [${rules.join(', ')}] }`;
const deny = (...rules: readonly string[]) =>
  `{ selector: { matchLabels: { app: api } }, deny: [${rules.join(', ')}] }`;

function found(...texts: readonly string[]): readonly PolicyFinding[] {
  return analyze(meshFrom(documents(...texts)), nowMs);
}

function told(...texts: readonly string[]): readonly string[] {
  return found(...texts).map(({ code, subject }) => `${code} ${subject}`);
}

describe('of two rules of one port', () => {
  const first = 'access-policy/atelier/p';
  test.each<[string, string, readonly string[]]>([
    ['the narrower path goes', allow('{ to: { paths: [/a/*] } }', '{ to: { paths: [/a/b] } }'), ['allow/1']],
    ['a sibling path stays', allow('{ to: { paths: [/a/*] } }', '{ to: { paths: [/ab] } }'), []],
    [
      'a template goes below its tree',
      allow('{ to: { paths: [/a/*] } }', '{ to: { paths: ["/a/{b}"] } }'),
      ['allow/1'],
    ],
    ['a template does not take a tree', allow('{ to: { paths: ["/a/{b}"] } }', '{ to: { paths: [/a/b/*] } }'), []],
    [
      'a template does not take an empty segment',
      allow('{ to: { paths: ["/a/{b}"] } }', '{ to: { paths: [/a/] } }'),
      [],
    ],
    [
      'a template takes its own kind',
      deny('{ to: { paths: ["/a/{b}"] } }', '{ to: { paths: [/a/c, "/a/{d}"] } }'),
      ['deny/1'],
    ],
    ['fewer methods go', allow('{ to: { methods: [GET, PUT] } }', '{ to: { methods: [PUT] } }'), ['allow/1']],
    ['every method stays', allow('{ to: { methods: [GET] } }', '{ to: { paths: [/a] } }'), []],
    [
      'an account goes with its tenant',
      allow('{ from: { tenants: [atelier] } }', '{ from: { serviceAccounts: [web] } }'),
      ['allow/1'],
    ],
    [
      'an account goes with its tenant, whichever comes first',
      allow('{ from: { serviceAccounts: [web] } }', '{ from: { tenants: [atelier] } }'),
      ['allow/0'],
    ],
    [
      'a host goes with its suffix',
      allow('{ to: { hosts: ["*.b.test"] } }', '{ to: { hosts: [a.b.test] } }'),
      ['allow/1'],
    ],
    ['the name itself is not below it', allow('{ to: { hosts: ["*.b.test"] } }', '{ to: { hosts: [b.test] } }'), []],
    [
      'a header goes with its prefix',
      deny('{ to: { headers: [{ name: x-a, prefix: r }] } }', '{ to: { headers: [{ name: x-a, exact: red }] } }'),
      ['deny/1'],
    ],
    [
      'more headers go',
      allow(
        '{ to: { headers: [{ name: x-a, present: true }] } }',
        '{ to: { headers: [{ name: x-b, present: true }, { name: x-a, exact: v }] } }',
      ),
      ['allow/1'],
    ],
    [
      'another header stays',
      allow(
        '{ to: { headers: [{ name: x-a, present: true }] } }',
        '{ to: { headers: [{ name: x-b, present: true }] } }',
      ),
      [],
    ],
    [
      'an equal condition goes',
      allow('{ when: request.method == "GET" }', '{ when: request.method == "GET", to: { paths: [/a] } }'),
      ['allow/1'],
    ],
    [
      'another text stays, whatever it means',
      allow('{ when: request.method == "GET" }', '{ when: request.method  == "GET" }'),
      [],
    ],
    [
      'a condition does not take what has none',
      allow('{ when: request.method == "GET" }', '{ to: { paths: [/a] } }'),
      [],
    ],
    ['of two alike the second goes', deny('{ to: { paths: [/a] } }', '{ to: { paths: [/a] } }'), ['deny/1']],
    ['a rule of one port goes with that of every port', allow('{ to: { ports: [8080] } }', '{}'), ['allow/1']],
    [
      'a header that is there is not one that is not',
      allow(
        '{ to: { headers: [{ name: x-a, present: true }] } }',
        '{ to: { headers: [{ name: x-a, present: false }] } }',
      ),
      [],
    ],
    [
      'another value stays',
      allow('{ to: { headers: [{ name: x-a, exact: v }] } }', '{ to: { headers: [{ name: x-a, exact: w }] } }'),
      [],
    ],
  ])('%s', (_, spec, gone) => {
    const superfluous = found(twoTenants, atelierPolicy(spec)).filter(({ removable }) => removable);
    expect(superfluous.map(({ subject }) => subject)).toEqual(gone.map((rule) => `${first}/${rule}`));
  });
});

describe('an allow that a deny refuses whole', () => {
  const policy = (also: string) =>
    atelierPolicy(
      `{ selector: { matchLabels: { app: api } }, allow: [{ to: { paths: [/a] } }${also}], deny: [{ to: { paths: [/a/*] } }] }`,
    );

  test('is superfluous where another allow keeps the default away', () => {
    expect(found(twoTenants, policy(', { to: { paths: [/b] } }'))).toMatchObject([
      { code: 'shadowed-rule', subject: 'access-policy/atelier/p/allow/0', removable: true },
    ]);
  });

  test('is told, and may not go where it alone keeps the default away', () => {
    expect(found(twoTenants, policy(''))).toMatchObject([
      {
        code: 'never-allows',
        subject: 'access-policy/atelier/p/allow/0',
        removable: false,
        related: [{ name: 'access-policy/atelier/p/deny/0' }],
      },
    ]);
  });
});

describe('policies that stand nowhere', () => {
  test('a policy that selects nothing is told once, and none of its rules', () => {
    expect(
      told(twoTenants, atelierPolicy('{ selector: { matchLabels: { app: gone } }, allow: [{ to: { ports: [1] } }] }')),
    ).toEqual(['selects-nothing access-policy/atelier/p']);
  });

  test('the port of a service is no port of a workload', () => {
    expect(found(twoTenants, atelierPolicy(allow('{ to: { ports: [80] } }')))).toMatchObject([
      { code: 'unheard-port', subject: 'access-policy/atelier/p/allow/0', advice: expect.stringContaining('`8080`') },
    ]);
  });

  test('an identity that nobody has is told, as a note where others are named beside it', () => {
    const principal = (name: string) => `spiffe://${trustDomain}/ns/atelier/sa/${name}`;
    const only = found(twoTenants, atelierPolicy(allow(`{ from: { principals: ["${principal('gone')}"] } }`)));
    expect(only).toMatchObject([{ code: 'absent-callers', level: 'warning' }]);
    const beside = `{ from: { principals: ["${principal('gone')}", "${principal('web')}"] } }`;
    expect(found(twoTenants, atelierPolicy(allow(beside)))).toMatchObject([{ code: 'absent-callers', level: 'note' }]);
  });

  test('no rule opens the wall, and a deny of whom the wall keeps out is a note', () => {
    const from = '{ from: { tenants: [notaire] } }';
    expect(found(twoTenants, atelierPolicy(allow(from)))).toMatchObject([{ code: 'walled-callers', level: 'warning' }]);
    expect(found(twoTenants, atelierPolicy(deny(from)))).toMatchObject([{ code: 'walled-callers', level: 'note' }]);
    expect(told(twoTenants, atelierPolicy(deny(from)), grant('g', '{ service: api }'))).toEqual([
      'never-allows grant/atelier/g',
    ]);
  });

  test('an allow of requests on an opaque port allows nothing', () => {
    const spec = '{ selector: { matchLabels: { app: db } }, allow: [{ to: { methods: [GET] } }] }';
    expect(told(twoTenants, atelierPolicy(spec))).toEqual(['opaque-port access-policy/atelier/p/allow/0']);
  });

  test('a policy under audit is a warning only where nothing else protects', () => {
    const audited = atelierPolicy('{ enforcement: Audit, selector: { matchLabels: { app: api } }, deny: [{}] }');
    expect(found(twoTenants, audited)).toMatchObject([{ code: 'under-audit', level: 'warning' }]);
    const enforced = atelierPolicy(deny('{ to: { paths: [/a] } }')).replace('name: p', 'name: q');
    expect(found(twoTenants, audited, enforced)).toMatchObject([{ code: 'under-audit', level: 'note' }]);
  });
});

function grant(name: string, to: string, from = '{ tenant: notaire }'): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ${name}, namespace: atelier }
spec: { from: ${from}, to: ${to}, reason: r }
`;
}

describe('grants', () => {
  test('one that another holds open as long is superfluous, and one to another service is not', () => {
    const wide = grant('a', '{ service: api }');
    const narrow = grant('b', '{ service: api, paths: [/x] }', '{ tenant: notaire, serviceAccounts: [web] }');
    expect(found(twoTenants, wide, narrow)).toMatchObject([
      { code: 'shadowed-rule', subject: 'grant/atelier/b', removable: true },
    ]);
    expect(told(twoTenants, wide, grant('b', '{ service: web }'))).toEqual([]);
  });

  const red = 'headers: [{ name: x-team, exact: red }]';
  const isGet = 'when: request.method == "GET"';
  test.each<[string, string, string, readonly string[]]>([
    [
      'a host goes with the names around it',
      '{ service: api, hosts: ["*.b.test"] }',
      '{ service: api, hosts: [a.b.test] }',
      ['b'],
    ],
    ['another host stays', '{ service: api, hosts: [a.test] }', '{ service: api, hosts: [b.test] }', []],
    [
      'one of every host takes that of one, whichever comes first',
      '{ service: api, hosts: [a.test] }',
      '{ service: api }',
      ['a'],
    ],
    [
      'a header goes with its prefix',
      '{ service: api, headers: [{ name: x-team, prefix: r }] }',
      `{ service: api, ${red} }`,
      ['b'],
    ],
    ['another header stays', `{ service: api, ${red} }`, '{ service: api, headers: [{ name: x-a, exact: red }] }', []],
    ['a header does not take what asks none', `{ service: api, ${red} }`, '{ service: api, paths: [/x] }', []],
    ['a condition goes with none', '{ service: api }', `{ service: api }, ${isGet}`, ['b']],
    ['an equal condition goes', `{ service: api }, ${isGet}`, `{ service: api, paths: [/x] }, ${isGet}`, ['b']],
    ['a condition does not take what has none', `{ service: api }, ${isGet}`, '{ service: api, methods: [GET] }', []],
  ])('%s', (_, one, other, gone) => {
    const superfluous = found(twoTenants, grant('a', one), grant('b', other)).filter(({ removable }) => removable);
    expect(superfluous.map(({ subject }) => subject)).toEqual(gone.map((name) => `grant/atelier/${name}`));
  });

  test('one whose every host is denied lets nobody in, and one with a host beside them does', () => {
    const denied = atelierPolicy(deny('{ to: { hosts: ["*.b.test"] } }'));
    expect(told(twoTenants, denied, grant('g', '{ service: api, hosts: [a.b.test] }'))).toEqual([
      'never-allows grant/atelier/g',
    ]);
    expect(told(twoTenants, denied, grant('g', '{ service: api, hosts: [a.b.test, b.test] }'))).toEqual([]);
  });

  test('one to nobody, or for nobody, is told', () => {
    const empty = documents(
      tenant('atelier'),
      tenant('notaire'),
      pod('atelier', 'web', '10.1.0.1'),
      service('atelier', 'api', '10.96.1.2', 'name: http, port: 80'),
    );
    const snapshot = meshFrom(documents(empty, grant('g', '{ service: api }')), ['dangling-reference']);
    expect(analyze(snapshot, nowMs).map(({ code }) => code)).toEqual(['absent-callers', 'leads-nowhere']);
  });
});

test('what is in order is left alone', () => {
  expect(told(twoTenants, atelierPolicy(allow('{ from: { serviceAccounts: [web] }, to: { paths: [/a/*] } }')))).toEqual(
    [],
  );
});

test('a token of one provider is not that of another, nor one claim another', () => {
  const named = (name: string) => `{ name: ${name}, preset: oidc, issuer: "https://${name}.test", audiences: [m] }`;
  const owner = tenant('atelier', `environment: prod, identityProviders: [${named('a')}, ${named('b')}]`);
  const world = documents(owner, tenant('notaire'), workloads);
  const gone = (...tokens: readonly string[]) =>
    told(world, atelierPolicy(allow(...tokens.map((token) => `{ token: { ${token} } }`))));
  expect(gone('provider: a', 'provider: b')).toEqual([]);
  expect(gone('provider: a', 'provider: a, groups: [g]')).toEqual(['shadowed-rule access-policy/atelier/p/allow/1']);
  const claim = (path: string, value: string) => `claims: [{ path: [${path}], values: ["${value}"] }]`;
  expect(gone(claim('x', '1'), claim('y', '1'))).toEqual([]);
  expect(gone(claim('x', '1'), claim('x', '2'))).toEqual([]);
  expect(gone(claim('x', '1'), `${claim('x', '1')}, provider: b`)).toEqual([
    'shadowed-rule access-policy/atelier/p/allow/1',
  ]);
});

test('an allow that a deny refuses whole is superfluous where the default lets nobody in', () => {
  const world = documents(tenant('atelier', 'environment: prod, defaultAccess: none'), tenant('notaire'), workloads);
  const spec =
    '{ selector: { matchLabels: { app: api } }, allow: [{ to: { paths: [/a] } }], deny: [{ to: { paths: [/a/*] } }] }';
  expect(told(world, atelierPolicy(spec))).toEqual(['shadowed-rule access-policy/atelier/p/allow/0']);
});

test('a rule that does nothing on one port of two stays', () => {
  const spec = '{ allow: [{ to: { paths: [/a/*], ports: [8080] } }], deny: [{ from: { serviceAccounts: [web] } }] }';
  const everywhere = atelierPolicy('{ deny: [{ from: { serviceAccounts: [web] } }] }').replace(
    'name: p',
    'name: every',
  );
  const onApi = atelierPolicy('{ selector: { matchLabels: { app: api } }, deny: [{}] }').replace(
    'name: p',
    'name: api',
  );
  expect(told(twoTenants, everywhere, onApi)).toEqual([]);
  expect(told(twoTenants, atelierPolicy(spec))).toEqual([]);
});

test('under audit a rule is measured by all policies, an enforced one by the enforced alone', () => {
  const [wide, narrow] = ['{ to: { paths: [/a/*] } }', '{ to: { paths: [/a/b] } }'];
  const audited = (rule: string) =>
    atelierPolicy(deny(rule).replace('{', '{ enforcement: Audit,')).replace('name: p', 'name: q');
  const gone = (...texts: readonly string[]) =>
    found(twoTenants, ...texts)
      .filter(({ removable }) => removable)
      .map(({ subject }) => subject);
  expect(gone(atelierPolicy(deny(wide)), audited(narrow))).toEqual(['access-policy/atelier/q/deny/0']);
  expect(gone(atelierPolicy(deny(narrow)), audited(wide))).toEqual([]);
});

test('what is named above a rule stays itself', () => {
  const spec = deny('{ to: { paths: [/a/b/c] } }', '{ to: { paths: [/a/b/*] } }', '{ to: { paths: [/a/*] } }');
  const [lowest] = found(twoTenants, atelierPolicy(spec));
  expect(lowest?.related.map(({ name }) => name)).toEqual(['access-policy/atelier/p/deny/2']);
});

test('while a policy denies everything because it cannot be read, nothing is superfluous for it', () => {
  const broken = atelierPolicy('{ denied: [] }').replace('name: p', 'name: b');
  const sound = atelierPolicy(deny('{ to: { paths: [/a] } }'));
  const snapshot = meshFrom(documents(twoTenants, broken, sound), ['unknown-field']);
  expect(analyze(snapshot, nowMs)).toEqual([]);
});

test('grants to different ports, or equal ones, leave one open', () => {
  const ports = 'name: http, port: 80, targetPort: 8080 }, { name: http-more, port: 81, targetPort: 8081';
  const world = twoTenants.replace('name: http, port: 80, targetPort: 8080', ports);
  const gone = (...texts: readonly string[]) => told(world, ...texts);
  expect(gone(grant('a', '{ service: web, ports: [80] }'), grant('b', '{ service: web, ports: [80] }'))).toEqual([
    'shadowed-rule grant/atelier/b',
  ]);
  expect(gone(grant('a', '{ service: web, ports: [80] }'), grant('b', '{ service: web, ports: [81] }'))).toEqual([]);
});
