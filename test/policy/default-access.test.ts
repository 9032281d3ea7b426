/** A tenant's default speaks only on ports where no allow rule does: docs/decisions/0003. */
import { test } from 'vitest';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, notaire, atelierPolicy as policy, tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const to = 'atelier/api-1:8080';

const byDefault = 'allow tenant/atelier/default';

test('`defaultAccess: none` lets nobody in, until a rule does', () => {
  const closed = documents(tenant('atelier', 'environment: prod, defaultAccess: none'), tenant('notaire'), workloads);
  expectDecisions(meshFrom(closed), [{ from: atelier.web, to, request: 'GET /', want: 'deny no-allow-rule' }]);
  expectDecisions(meshFrom(documents(closed, policy('{ allow: [{ from: { serviceAccounts: [web] } }] }'))), [
    { from: atelier.web, to, request: 'GET /', want: 'allow access-policy/atelier/p/allow/0' },
    { from: atelier.api, to, request: 'GET /', want: 'deny no-allow-rule' },
  ]);
});

test('one allow rule on a port silences the default there', () => {
  expectDecisions(meshFrom(documents(twoTenants, policy('{ allow: [{ to: { methods: [GET] } }] }'))), [
    { from: atelier.web, to, request: 'GET /', want: 'allow access-policy/atelier/p/allow/0' },
    { from: atelier.web, to, request: 'POST /', want: 'deny no-allow-rule' },
  ]);
});

test('an allow rule on another port, or on another workload, leaves the default in force', () => {
  const elsewhere = '{ allow: [{ from: { serviceAccounts: [api] }, to: { ports: [9090] } }] }';
  const others = '{ selector: { matchLabels: { app: web } }, allow: [{ from: { serviceAccounts: [api] } }] }';
  for (const spec of [elsewhere, others]) {
    expectDecisions(meshFrom(documents(twoTenants, policy(spec))), [
      { from: atelier.web, to, request: 'GET /', want: byDefault },
    ]);
  }
});

test('deny rules alone leave the default in force', () => {
  expectDecisions(meshFrom(documents(twoTenants, policy('{ deny: [{ to: { methods: [DELETE] } }] }'))), [
    { from: atelier.web, to, request: 'GET /', want: byDefault },
    { from: atelier.web, to, request: 'DELETE /', want: 'deny deny-rule access-policy/atelier/p/deny/0' },
  ]);
});

test('a grant to another tenant leaves the default in force for one’s own', () => {
  const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, reason: reads }
`;
  expectDecisions(meshFrom(documents(twoTenants, grant)), [
    { from: atelier.web, to, request: 'GET /', want: byDefault },
    { from: notaire.web, to, request: 'GET /', want: 'allow grant/atelier/g' },
  ]);
});

test('an allow rule that names only strangers still silences the default, and lets nobody in', () => {
  expectDecisions(meshFrom(documents(twoTenants, policy('{ allow: [{ from: { tenants: [notaire] } }] }'))), [
    { from: atelier.web, to, request: 'GET /', want: 'deny no-allow-rule' },
    { from: notaire.web, to, request: 'GET /', want: 'deny tenant-wall' },
  ]);
});
