/** What docs/access-policy.md shows is read without a problem, and what it says of single requests is so. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkCel } from '../../../src/model/cel/check-cel.ts';
import { parseDocument } from '../../../src/model/parse-document.ts';
import { decide } from '../../../src/policy/decide.ts';
import type { Rule } from '../../../src/policy/port-policy.ts';
import type { TokenFacts } from '../../../src/policy/token.ts';
import { viewOf } from '../../../src/policy/view.ts';
import { documents, meshFrom } from '../../fixtures/mesh-from.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/access-policy.md'), 'utf8');
const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const surroundings = `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: notaire }
spec:
  environment: prod
  identityProviders: [{ name: staff, preset: oidc, issuer: "https://id.notaire.example", audiences: [deeds] }]
---
apiVersion: v1
kind: Pod
metadata: { name: deeds, namespace: notaire, labels: { app: deeds } }
spec: { serviceAccountName: deeds }
status: { podIPs: [{ ip: 10.1.0.1 }], conditions: [{ type: Ready, status: "True" }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: notaire, labels: { app: web } }
spec: { serviceAccountName: web }
status: { podIPs: [{ ip: 10.1.0.2 }], conditions: [{ type: Ready, status: "True" }] }
---
apiVersion: v1
kind: Service
metadata: { name: deeds, namespace: notaire }
spec: { clusterIP: 10.96.1.1, selector: { app: deeds }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`;

const staff = { kind: 'valid', provider: 'staff', issuer: 'https://id.notaire.example', subject: 'u' } as const;
const clerk: TokenFacts = { ...staff, claims: {}, groups: ['clerks'], expiresAtMs: 1e15 };
const gone: TokenFacts = { ...clerk, claims: { employment: { status: 'left' } } };
const none: TokenFacts = { kind: 'none' };
const late: TokenFacts = { kind: 'invalid', why: 'it has ended' };
const morning = Date.UTC(2026, 10, 23, 8);
const endMs = Date.UTC(2027, 0, 31, 18);
const beforeEnd = endMs - 1;
const night = Date.UTC(2026, 10, 23, 2);

test.each<[string, string, TokenFacts, number, string]>([
  ['a template', 'GET /documents/7', none, night, 'allow'],
  ['one segment, and not two', 'GET /documents/7/8', none, night, 'no-allow-rule'],
  ['a clerk by day', 'POST /documents/7', clerk, morning, 'allow'],
  ['whoever comes while a rule lasts', 'GET /inventory/3', none, beforeEnd, 'allow'],
  ['whoever comes at its end', 'GET /inventory/3', none, endMs, 'rule-expired'],
  ['a clerk by night', 'POST /documents/7', clerk, night, 'no-allow-rule'],
  ['nobody in particular', 'POST /documents/7', none, morning, 'token-missing'],
  ['a token that has ended', 'POST /documents/7', late, morning, 'deny-rule'],
  ['somebody who has left', 'GET /documents/7', gone, morning, 'deny-rule'],
  ['a disguised path', 'GET /documents/..;/x', none, morning, 'unclean-path'],
])('%s', (_, request, token, nowMs, want) => {
  const snapshot = meshFrom(documents(surroundings, example));
  const workload = snapshot.workloads.get('notaire/deeds') ?? expect.fail('there is no pod');
  const [inbound] = viewOf(snapshot, workload, 0).inbound;
  const [method = '', path = ''] = request.split(' ');
  const asked = { kind: 'http', principal: 'spiffe://mesh.test/ns/notaire/sa/web', method, path } as const;
  const host = 'deeds.notaire.example';
  const policy = inbound?.policy ?? expect.fail('there is no port');
  const decision = decide(policy, { ...asked, host, token: () => token }, nowMs);
  expect(decision.kind === 'allow' ? 'allow' : decision.reason.kind).toBe(want);
});

test('a request without a host that could be compared is refused, whatever the rules say', () => {
  const workload = meshFrom(documents(surroundings, example)).workloads.get('notaire/deeds');
  const always: Rule = {
    name: 'always',
    callers: 'anyone',
    match: { methods: [], paths: [] },
    where: { file: 'f', line: 1 },
  };
  const policy = { trustDomain: 'mesh.test', tenant: 'notaire', deny: [], allow: [always] };
  const asked = { kind: 'http', principal: workload?.spiffeId ?? '', method: 'GET', path: '/health' } as const;
  expect(decide(policy, asked, 0)).toEqual({ kind: 'deny', reason: { kind: 'bad-host' } });
  expect(decide(policy, { ...asked, host: 'deeds' }, 0)).toEqual({ kind: 'allow', rule: always });
});

test('a token is verified only where a rule that matches otherwise asks for it', () => {
  const snapshot = meshFrom(documents(surroundings, example.split('  deny:')[0] ?? ''));
  const workload = snapshot.workloads.get('notaire/deeds') ?? expect.fail('there is no pod');
  const policy = viewOf(snapshot, workload, 0).inbound[0]?.policy ?? expect.fail('there is no port');
  const asked = {
    kind: 'http',
    principal: 'spiffe://mesh.test/ns/notaire/sa/web',
    method: 'GET',
    host: 'a.test',
  } as const;
  const token = () => expect.fail('the token was asked for');
  expect(decide(policy, { ...asked, path: '/health', token }, morning).kind).toBe('allow');
});

test.each([
  ['request.method == "GET"', 'ok'],
  ['has(token.claims.level) && token.claims.level >= 3', 'ok'],
  ['token.groups.exists(group, group.startsWith("eng-"))', 'ok'],
  ['request.time - timestamp("2026-01-01T00:00:00Z") < duration("24h")', 'ok'],
  ['request.method ==', 'it is no CEL'],
  ['session.age > 1', 'there is no variable `session`'],
  ['request.body == ""', '`request` has no field `body`'],
  ['request.headers["x"] == "red"', '`==` does not take list of string and string'],
  ['request.method', 'it gives string, not a bool'],
  ['token.claims.admin', 'it gives any, not a bool'],
  ['type(1) == int', 'there is no function `type`'],
  ['has(request.host)', '`request.host` is always there'],
  ['request.path.matches(request.host)', 'must be written out'],
  ['request.path.matches("(a")', 'is no RE2 pattern'],
  ['token.groups.exists(a, token.groups.exists(b, a == b))', 'inside the walk of another'],
  [`true${' && true'.repeat(200)}`, 'it is too large'],
  [`"${'a'.repeat(3_000)}" == ""`, 'it is longer than'],
  ['(((', 'it is no CEL'],
  ['x'.repeat(10) + '('.repeat(1_000), 'it is no CEL'],
])('the condition %s: %s', (when, want) => {
  const checked = checkCel(when);
  expect(checked.kind === 'ok' ? 'ok' : checked.why).toContain(want);
});

test('a condition that cannot be judged is told at its line, and denies what its policy selects', () => {
  const broken = example.replace('request.time.getHours', 'request.clock.getHours');
  const line = broken.split('\n').findIndex((each) => each.includes('clock')) + 1;
  const { problems } = parseDocument(broken, 'policy.yaml');
  expect(problems).toMatchObject([
    { severity: 'error', code: 'bad-value', path: 'spec.allow[1].when', where: { file: 'policy.yaml', line } },
  ]);
  const snapshot = meshFrom(documents(surroundings, broken), ['bad-value']);
  expect([...snapshot.policies.values()]).toMatchObject([{ broken: true, enforcement: 'Enforce' }]);
});
