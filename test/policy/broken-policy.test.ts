/** A policy that cannot be understood denies everything it selects; it never falls back to what was allowed without it. */
import { expect, test } from 'vitest';
import { decide } from '../../src/policy/decide.ts';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, atelierPolicy as policy, twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const api = 'atelier/api-1:8080';
const web = 'atelier/web-1:8080';
const broken = 'deny deny-rule access-policy/atelier/p/broken';
const byDefault = 'allow tenant/atelier/default';

const selector = 'selector: { matchLabels: { app: api } }';

test('a misspelt rule denies what the policy selects, and nothing beside it', () => {
  const misspelt = policy(`{ ${selector}, deny: [{ too: { paths: ["/admin/*"] } }] }`);
  expectDecisions(meshFrom(documents(twoTenants, misspelt), ['unknown-field']), [
    { from: atelier.web, to: api, request: 'GET /', want: broken },
    { from: atelier.api, to: web, request: 'GET /', want: byDefault },
  ]);
});

test('where the selector cannot be read either, the whole tenant is denied', () => {
  const unreadable = policy('{ selector: { matchLabels: api }, deny: [{ to: { methods: [GET] } }] }');
  expectDecisions(meshFrom(documents(twoTenants, unreadable), ['wrong-type']), [
    { from: atelier.web, to: api, request: 'GET /', want: broken },
    { from: atelier.api, to: web, request: 'GET /', want: broken },
    { from: atelier.web, to: 'atelier/db-1:5432', want: broken },
  ]);
});

test('under audit it refuses nobody, and is told as one that would', () => {
  const misspelt = policy(`{ enforcement: Audit, ${selector}, deny: [{ too: { paths: ["/admin/*"] } }] }`);
  const mesh = meshFrom(documents(twoTenants, misspelt), ['unknown-field']);
  expectDecisions(mesh, [{ from: atelier.web, to: api, request: 'GET /', want: byDefault }]);
  const workload = mesh.workloads.get('atelier/api-1') ?? expect.fail('there is no such workload');
  const inbound = viewOf(mesh, workload, 0).inbound.find(({ port }) => port === 8_080) ?? expect.fail('no such port');
  const asked = { kind: 'http', principal: atelier.web, method: 'GET', path: '/', host: 'api' } as const;
  expect(decide(inbound.policy, asked, 0)).toMatchObject({
    kind: 'allow',
    audited: { kind: 'deny-rule', rule: { name: 'access-policy/atelier/p/broken' } },
  });
});

test('an identity of another trust domain breaks the policy: what was meant is unknown', () => {
  const foreign = policy(`{ ${selector}, deny: [{ from: { principals: ["spiffe://other.test/ns/a/sa/b"] } }] }`);
  expectDecisions(meshFrom(documents(twoTenants, foreign), ['bad-value']), [
    { from: atelier.web, to: api, request: 'GET /', want: broken },
  ]);
});

test('two policies of one name contradict each other: what either selects is denied', () => {
  const one = policy(`{ ${selector}, allow: [{ from: { serviceAccounts: [web] } }] }`);
  const other = policy(`{ ${selector}, allow: [{ to: { methods: [GET] } }] }`);
  expectDecisions(meshFrom(documents(twoTenants, one, other), ['duplicate-object']), [
    { from: atelier.web, to: api, request: 'GET /', want: broken },
    { from: atelier.api, to: web, request: 'GET /', want: byDefault },
  ]);
});

test('a broken grant opens nothing and closes nothing', () => {
  const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api, path: ["/x"] }, reason: reads }
`;
  expectDecisions(meshFrom(documents(twoTenants, grant), ['unknown-field']), [
    { from: atelier.web, to: api, request: 'GET /', want: byDefault },
    { from: 'spiffe://mesh.test/ns/notaire/sa/web', to: api, request: 'GET /x', want: 'deny tenant-wall' },
  ]);
});
