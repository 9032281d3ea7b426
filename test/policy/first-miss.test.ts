/** Of each rule that does not match, the first condition that fails is named, with what it asks and what the request shows. */
import { describe, expect, test } from 'vitest';
import { explain, type Question } from '../../src/policy/explain.ts';
import { headerLines } from '../../src/policy/stated-request.ts';
import type { TokenFacts } from '../../src/policy/token.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, atelierPolicy, notaire, tenant, workloads } from '../fixtures/two-tenants.ts';

const provider = (name: string) => `{ name: ${name}, preset: oidc, issuer: "https://${name}.test", audiences: [mesh] }`;
const world = documents(
  tenant('atelier', `environment: prod, identityProviders: [${provider('staff')}, ${provider('guests')}]`),
  tenant('notaire'),
  workloads,
);
const noonMs = Date.UTC(2026, 10, 22, 12);
const staff: TokenFacts = {
  ...{ kind: 'valid', provider: 'staff', issuer: 'https://staff.test', subject: 'u1', expiresAtMs: 1e15 },
  ...{ groups: ['eng'], claims: { level: 1 } },
};
const plain = { method: 'GET', path: '/x', host: 'api.atelier' };

function missOf(rule: string, request: Partial<NonNullable<Question['request']>> = {}, service = 'atelier/api') {
  const mesh = meshFrom(documents(world, atelierPolicy(`{ allow: [${rule}] }`)));
  const asked = { from: atelier.web, to: { kind: 'service', service }, request: { ...plain, ...request } } as const;
  const explanation = explain(mesh, asked, noonMs);
  if (explanation.kind !== 'judged') throw new Error(explanation.message);
  return explanation.judgements[0]?.considered.find(({ name }) => name.startsWith('access-policy/'));
}

test.each([
  ['{ from: { serviceAccounts: [db] } }', {}, 'caller', `\`${atelier.db}\``, `\`${atelier.web}\``],
  ['{ to: { methods: [PUT, POST] } }', {}, 'method', '`POST` or `PUT`', '`GET`'],
  ['{ to: { paths: ["/y/*", "/z/{id}"] } }', {}, 'path', '`/y/*` or `/z/{id}`', '`/x`'],
  ['{ to: { hosts: ["*.example.com"] } }', {}, 'host', '`*.example.com`', '`api.atelier`'],
  ['{ to: { headers: [{ name: x-team, exact: red }] } }', {}, 'header', '`x-team` to be `red`', 'no such header'],
  [
    '{ to: { headers: [{ name: x-team, exact: red }] } }',
    { headers: headerLines([['x-team', '\u001b[2J`']]) }, // what would clear a terminal, and end a quotation
    'header',
    '`x-team` to be `red`',
    '`\ufffd[2J\ufffd`',
  ],
  [
    '{ to: { headers: [{ name: x-team, present: true }, { name: x-debug, present: false }] } }',
    {
      headers: headerLines([
        ['x-team', 'red'],
        ['x-debug', '1'],
      ]),
    },
    'header',
    '`x-debug` not to be there',
    '`1`',
  ],
  [
    '{ notAfter: "2026-11-22T12:00:00Z" }',
    {},
    'notAfter',
    'a moment before 2026-11-22T12:00:00.000Z',
    '2026-11-22T12:00:00.000Z',
  ],
  ['{ token: { provider: staff } }', {}, 'token', 'a valid token of `staff`', 'no token'],
  [
    '{ token: { groups: [eng] } }',
    { token: (): TokenFacts => ({ kind: 'invalid', why: 'it has ended' }) },
    'token',
    'a valid token, in group `eng`',
    'one that is not valid: it has ended',
  ],
  ['{ token: { provider: guests } }', { token: () => staff }, 'provider', '`guests`', '`staff`'],
  ['{ token: { groups: [ops] } }', { token: () => staff }, 'group', '`ops`', '`eng`'],
  [
    '{ token: { claims: [{ path: [level], values: ["1"] }, { path: [dept, name], values: [law] }] } }',
    { token: () => staff },
    'claim',
    'claim `dept.name` to be `law`',
    'a token that says something else, or nothing, of it',
  ],
  ['{ when: \'request.method == "PUT"\' }', {}, 'when', '`request.method == "PUT"`', 'false'],
  [
    "{ when: 'token.claims.level >= 2' }",
    {},
    'when',
    '`token.claims.level >= 2`',
    'something that cannot be judged by it',
  ],
])('%s fails at what it fails at first', (rule, request, condition, asks, shows) => {
  expect(missOf(rule, request)?.miss).toEqual({ condition, asks, shows });
});

test('of several conditions that fail it is the first in the order of the judge', () => {
  expect(missOf('{ to: { methods: [PUT], paths: [/y] }, token: { provider: staff } }')?.miss?.condition).toBe('method');
});

describe('a rule without a say on the port is told, and why', () => {
  test.each([
    ['{ to: { ports: [9090, 9091] } }', 'atelier/api', 'port', '`9090` or `9091`'],
    ['{ to: { methods: [GET] } }', 'atelier/db', 'request', 'requests of some kind'],
    [`{ from: { principals: ["${notaire.web}"] } }`, 'atelier/api', 'caller', 'callers of other tenants only'],
  ])('%s at %s', (rule, service, condition, asks) => {
    expect(missOf(rule, {}, service)).toMatchObject({ outcome: 'no-say', miss: { condition, asks } });
  });
});

test('a grant to another port of the service is told to whom it was given', () => {
  const two = `
apiVersion: v1
kind: Service
metadata: { name: two, namespace: atelier }
spec: { clusterIP: 10.96.1.9, selector: { app: api }, ports: [{ name: http-a, port: 80, targetPort: 8090 }, { name: http-b, port: 81, targetPort: 8091 }] }
`;
  const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: open, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: two, ports: [81] }, reason: a test }
`;
  const mesh = meshFrom(documents(world, two, grant));
  const to = { kind: 'service', service: 'atelier/two', port: 80 } as const;
  expect(explain(mesh, { from: notaire.web, to, request: plain }, 0)).toMatchObject({
    judgements: [{ considered: [{}, { name: 'grant/atelier/open', outcome: 'no-say', miss: { condition: 'port' } }] }],
  });
});
