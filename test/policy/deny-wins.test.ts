/** A deny wins over every allow: of the same policy, of another, of the tenant's default and of a grant. */
import { test } from 'vitest';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, noAdmin, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const to = 'atelier/api-1:8080';

const webMayAll = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: web-may-all, namespace: atelier }
spec:
  selector: { matchLabels: { app: api } }
  allow: [{ from: { serviceAccounts: [web] } }]
`;

const grantToNotaire = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: notaire-reads, namespace: atelier }
spec:
  from: { tenant: notaire }
  to: { service: api }
  reason: the notary reads what was drawn
`;

const denied = 'deny deny-rule access-policy/atelier/no-admin/deny/0';

test('a deny wins over the tenant’s default', () => {
  expectDecisions(meshFrom(documents(twoTenants, noAdmin)), [
    { from: atelier.web, to, request: 'GET /', want: 'allow tenant/atelier/default' },
    { from: atelier.web, to, request: 'GET /admin', want: denied },
  ]);
});

test('a deny wins over an allow rule of another policy', () => {
  expectDecisions(meshFrom(documents(twoTenants, webMayAll, noAdmin)), [
    { from: atelier.web, to, request: 'GET /', want: 'allow access-policy/atelier/web-may-all/allow/0' },
    { from: atelier.web, to, request: 'GET /admin/users', want: denied },
    { from: atelier.api, to, request: 'GET /admin/users', want: denied },
    { from: atelier.api, to, request: 'GET /', want: 'deny no-allow-rule' },
  ]);
});

test('a deny wins over a grant', () => {
  expectDecisions(meshFrom(documents(twoTenants, noAdmin, grantToNotaire)), [
    { from: notaire.web, to, request: 'GET /', want: 'allow grant/atelier/notaire-reads' },
    { from: notaire.web, to, request: 'GET /admin', want: denied },
  ]);
});

test('a deny may name a tenant that a grant let in, and spares the others', () => {
  const notOnSundays = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: never-mind, namespace: atelier }
spec:
  deny: [{ from: { tenants: [notaire] } }]
`;
  expectDecisions(meshFrom(documents(twoTenants, grantToNotaire, notOnSundays)), [
    { from: notaire.web, to, request: 'GET /', want: 'deny deny-rule access-policy/atelier/never-mind/deny/0' },
    { from: atelier.web, to, request: 'GET /', want: 'allow tenant/atelier/default' },
  ]);
});
