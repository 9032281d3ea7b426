/** Explanations never disagree with verdicts, and each cure, once written, lets through what it was asked for and no more. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { type Explanation, explain, type Judgement, type Question } from '../../src/policy/explain.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { noAdmin, notaire, pod, service, tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';

const walled = meshFrom(twoTenants);

function ask(from: string, service: string, request = 'GET /x'): Question {
  const [method = '', path = ''] = request.split(' ');
  return { from, to: { kind: 'service', service }, request: { method, path } };
}

function judged(explanation: Explanation): Extract<Explanation, { kind: 'judged' }> {
  if (explanation.kind !== 'judged') throw new Error(explanation.message);
  return explanation;
}

function only(explanation: Explanation): Judgement {
  const [judgement, ...others] = judged(explanation).judgements;
  if (judgement === undefined || others.length > 0) throw new Error('one judgement was expected');
  return judgement;
}

function yamlOf({ cure }: Judgement): string {
  if (cure?.kind !== 'write') throw new Error(`there is nothing to write: ${JSON.stringify(cure)}`);
  return cure.yaml;
}

const onlyWebReads = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: web-reads, namespace: atelier }
spec:
  selector: { matchLabels: { app: api } }
  allow: [{ from: { serviceAccounts: [web] }, to: { methods: [GET] } }]
`;

function grant(more: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: open, namespace: atelier }
spec:
  from: { tenant: notaire, serviceAccounts: [web] }
  to: { service: api, methods: [GET], paths: [/x] }
  reason: a test
${more}`;
}

describe('the deciding rule', () => {
  test('an allowed request names the rule and its line', () => {
    const judgement = only(explain(walled, ask('atelier/web', 'atelier/api'), 0));
    expect(judgement).toMatchObject({ verdict: 'allow', reason: 'allow-rule', where: { file: 'mesh.yaml' } });
    expect(judgement.sentence).toContain('tenant/atelier/default');
    expect(judgement.cure).toBeUndefined();
  });

  test('a deny rule is named, and is to be changed where it was written', () => {
    const mesh = meshFrom(documents(twoTenants, noAdmin));
    const judgement = only(explain(mesh, ask('atelier/web', 'atelier/api', 'GET /admin/users'), 0));
    expect(judgement).toMatchObject({ verdict: 'deny', reason: 'deny-rule', cure: { kind: 'change' } });
    expect(judgement.where).toEqual(judgement.cure?.kind === 'change' ? judgement.cure.where : undefined);
  });

  test('a workload is found by the address that a log names', () => {
    const question: Question = { from: notaire.web, to: { kind: 'address', address: '10.1.0.2', port: 8080 } };
    expect(only(explain(walled, question, 0))).toMatchObject({ workload: 'atelier/api-1', reason: 'tenant-wall' });
  });
});

describe('the address of a service', () => {
  const dialled = (from: string, port = 80): Question => ({
    from,
    to: { kind: 'address', address: '10.96.1.2', port },
  });

  test.each(['notaire/web', 'atelier/web'])('is that service, asked by %s', (from) => {
    const asked: Question = { from, to: { kind: 'service', service: 'atelier/api' } };
    expect(judged(explain(walled, dialled(from), 0))).toEqual(judged(explain(walled, asked, 0)));
  });

  test('names the grant that would lead there', () => {
    expect(yamlOf(only(explain(walled, dialled('notaire/web'), 0)))).toContain('kind: Grant');
  });

  test('is nobody at a port that the service lacks, and where another tenant claims it too', () => {
    const twin = [pod('notaire', 'twin', '10.2.0.9'), service('notaire', 'twin', '10.96.1.2', 'name: http, port: 80')];
    const twice = meshFrom(documents(twoTenants, ...twin));
    for (const [mesh, port] of [
      [walled, 8080],
      [twice, 80],
    ] as const) {
      expect(explain(mesh, dialled('notaire/web', port), 0)).toMatchObject({
        kind: 'no-such-destination',
        message: expect.stringContaining(`10.96.1.2:${port}`),
      });
    }
  });
});

describe('each rule considered is told with its first condition that does not hold', () => {
  const endsAtMs = Date.parse('2027-01-01T00:00:00Z');
  const mesh = meshFrom(documents(twoTenants, grant('  notAfter: 2027-01-01T00:00:00Z')));
  test.each([
    { from: 'notaire/web', request: 'GET /x', atMs: 0, outcome: 'matches', reason: 'allow-rule' },
    { from: 'notaire/api', request: 'GET /x', atMs: 0, outcome: 'other-caller', reason: 'outside-grant' },
    { from: 'notaire/web', request: 'PUT /x', atMs: 0, outcome: 'other-method', reason: 'outside-grant' },
    { from: 'notaire/web', request: 'GET /y', atMs: 0, outcome: 'other-path', reason: 'outside-grant' },
    { from: 'notaire/web', request: 'GET /x', atMs: endsAtMs, outcome: 'ended', reason: 'grant-expired' },
  ])('$from, $request at $atMs: the grant $outcome', ({ from, request, atMs, outcome, reason }) => {
    const judgement = only(explain(mesh, ask(from, 'atelier/api', request), atMs));
    expect(judgement.reason).toBe(reason);
    expect(judgement.considered.find(({ name }) => name === 'grant/atelier/open')?.outcome).toBe(outcome);
  });
});

describe('a cure, once written,', () => {
  test.each([
    { title: 'opens the wall', mesh: twoTenants, from: 'notaire/web', to: 'atelier/api', request: 'GET /x' },
    {
      title: 'opens a TCP port through the wall',
      mesh: twoTenants,
      from: 'notaire/web',
      to: 'atelier/db',
      request: 'GET /',
    },
    {
      title: 'does what an ended grant did',
      mesh: documents(twoTenants, grant('  notAfter: 1970-01-01T00:00:01Z')),
      from: 'notaire/web',
      to: 'atelier/api',
      request: 'GET /x',
    },
    {
      title: 'widens what a grant leaves out',
      mesh: documents(twoTenants, grant('')),
      from: 'notaire/web',
      to: 'atelier/api',
      request: 'PUT /x',
    },
    {
      title: 'adds to what policies allow',
      mesh: documents(twoTenants, onlyWebReads),
      from: 'atelier/db',
      to: 'atelier/api',
      request: 'PUT /y',
    },
    {
      title: 'opens a tenant that is closed by default',
      mesh: documents(tenant('atelier', 'environment: prod, defaultAccess: none'), tenant('notaire'), workloads),
      from: 'atelier/web',
      to: 'atelier/api',
      request: 'GET /x',
    },
    {
      title: 'takes the folder above a path that no rule can write',
      mesh: twoTenants,
      from: 'notaire/web',
      to: 'atelier/api',
      request: 'GET /files/a%20b',
    },
  ])('$title', ({ mesh, from, to, request }) => {
    const nowMs = 2_000;
    const before = only(explain(meshFrom(mesh), ask(from, to, request), nowMs));
    expect(before.verdict).toBe('deny');
    const cured = meshFrom(documents(mesh, yamlOf(before)));
    expect(only(explain(cured, ask(from, to, request), nowMs)).verdict).toBe('allow');
    const changes = verdictsThatChanged(meshFrom(mesh), cured, nowMs);
    expect(changes.every((change) => change.startsWith(`spiffe://mesh.test/ns/${from.replace('/', '/sa/')} `))).toBe(
      true,
    );
    expect(changes.every((change) => change.includes(` ${to}-1:`))).toBe(true);
  });

  test('does not promise what a deny rule would still refuse', () => {
    const mesh = meshFrom(documents(twoTenants, noAdmin));
    const { cure } = only(explain(mesh, ask('notaire/web', 'atelier/api', 'GET /admin'), 0));
    expect(cure).toMatchObject({
      kind: 'write',
      caution: expect.stringContaining('access-policy/atelier/no-admin/deny/0'),
    });
  });

  /** Probes every caller on every port with a few requests. */
  function verdictsThatChanged(left: typeof walled, right: typeof walled, nowMs: number): readonly string[] {
    const all = (mesh: typeof walled) =>
      [...mesh.workloads.values()].flatMap((workload) =>
        viewOf(mesh, workload, 0).inbound.flatMap(({ port, policy, protocol }) =>
          [...mesh.workloads.values()].flatMap(({ spiffeId: principal }) =>
            [
              ['GET', '/x'],
              ['PUT', '/x'],
              ['GET', '/other'],
              ['PUT', '/y'],
              ['GET', '/files/z'],
            ].map(([method = '', path = '']) => {
              const request =
                protocol === 'tcp'
                  ? { kind: 'tcp' as const, principal }
                  : { kind: 'http' as const, principal, method, path, host: 'a.test' };
              return `${principal} ${workload.key}:${port} ${method} ${path} ${decide(policy, request, nowMs).kind}`;
            }),
          ),
        ),
      );
    const before = new Set(all(left));
    return all(right).filter((line) => !before.has(line));
  }
});

describe('nothing is written where nothing would help', () => {
  test.each([
    {
      title: 'a sealed service',
      mesh: documents(tenant('atelier', 'environment: prod, sealedServices: [db]'), tenant('notaire'), workloads),
      from: 'notaire/web',
      why: /sealed/,
      instead: /^the owner of `atelier` can .*sealedServices/,
    },
    {
      title: 'another environment',
      mesh: documents(tenant('atelier'), tenant('notaire', 'environment: staging'), workloads),
      from: 'notaire/web',
      why: /environments never meet/,
      instead: /^call from a tenant that is prod/,
    },
    {
      title: 'a caller of another trust domain',
      mesh: twoTenants,
      from: 'spiffe://elsewhere.test/ns/atelier/sa/web',
      why: /nobody/,
      instead: /^let it run as a Pod .*mesh\.test/,
    },
    {
      title: 'a tenant that does not exist',
      mesh: twoTenants,
      from: 'stranger/web',
      why: /no tenant/,
      instead: /^whoever runs the mesh can write a `Tenant` named `stranger`/,
    },
  ])('$title', ({ mesh, from, why, instead }) => {
    const { verdict, cure } = only(explain(meshFrom(mesh), ask(from, 'atelier/db'), 0));
    expect(verdict).toBe('deny');
    expect(cure).toEqual({
      kind: 'none',
      why: expect.stringMatching(why),
      instead: expect.stringMatching(instead),
    });
  });
});

test.each([
  ['an unknown service', { kind: 'service', service: 'atelier/apu' }, /atelier\/api/],
  ['an unknown port', { kind: 'service', service: 'atelier/api', port: 81 }, /`80`/],
  ['an address of nobody', { kind: 'address', address: '192.0.2.1', port: 80 }, /Service/],
] as const)('%s is told with what there is', (_, to, advice) => {
  expect(explain(walled, { from: 'atelier/web', to }, 0)).toEqual({
    kind: 'no-such-destination',
    message: expect.any(String),
    advice: expect.stringMatching(advice),
  });
});

test('replicas under different policies are told apart', () => {
  const second = `
apiVersion: v1
kind: Pod
metadata: { name: api-2, namespace: atelier, labels: { app: api, track: canary } }
spec: { serviceAccountName: api }
status: { podIPs: [{ ip: 10.1.0.9 }], conditions: [{ type: Ready, status: "True" }] }
`;
  const policy = noAdmin.replace('{ app: api }', '{ track: canary }').replace('/admin/*', '/x');
  const explanation = judged(
    explain(meshFrom(documents(twoTenants, second, policy)), ask('atelier/web', 'atelier/api'), 0),
  );
  expect(explanation.verdict).toBe('mixed');
  expect(explanation.judgements.map(({ workload, verdict }) => [workload, verdict])).toEqual([
    ['atelier/api-1', 'allow'],
    ['atelier/api-2', 'deny'],
  ]);
});
