/** On an opaque TCP port nobody sees methods and paths: a rule that needs them allows nobody, and denies all. */
import { expect, test } from 'vitest';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const to = 'atelier/db-1:5432';

function policy(spec: string): string {
  return `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: atelier }
spec: { selector: { matchLabels: { app: db } }, ${spec} }
`;
}

const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire, serviceAccounts: [web] }, to: { service: db }, reason: reads }
`;

test('an allow rule that names methods or paths allows nobody there', () => {
  for (const rule of ['to: { methods: [GET] }', 'to: { paths: ["/x"] }']) {
    expectDecisions(meshFrom(documents(twoTenants, policy(`allow: [{ ${rule} }]`))), [
      { from: atelier.web, to, want: 'deny no-allow-rule' },
    ]);
  }
});

test('a deny rule that names methods or paths denies everybody it speaks of', () => {
  const deny = 'deny: [{ from: { serviceAccounts: [web] }, to: { methods: [DELETE], paths: ["/x/*"] } }]';
  expectDecisions(meshFrom(documents(twoTenants, policy(deny))), [
    { from: atelier.web, to, want: 'deny deny-rule access-policy/atelier/p/deny/0' },
    { from: atelier.api, to, want: 'allow tenant/atelier/default' },
  ]);
});

test('a grant without methods and paths opens it to the callers it names', () => {
  expectDecisions(meshFrom(documents(twoTenants, grant)), [
    { from: notaire.web, to, want: 'allow grant/atelier/g' },
    { from: notaire.api, to, want: 'deny outside-grant' },
  ]);
});

test('the chain of each tenant lists exactly who may connect, and nobody where nobody may', () => {
  const webMay = policy('allow: [{ from: { serviceAccounts: [web] } }]');
  const nobodyMay = policy('deny: [{ to: { ports: [5432] } }]');
  expect(peersOf(documents(twoTenants))).toEqual({ atelier: [atelier.api, atelier.db, atelier.web] });
  expect(peersOf(documents(twoTenants, webMay, grant))).toEqual({ atelier: [atelier.web], notaire: [notaire.web] });
  expect(peersOf(documents(twoTenants, nobodyMay, grant))).toEqual({ atelier: [], notaire: [] });
});

function peersOf(yaml: string): Record<string, readonly string[]> {
  const mesh = meshFrom(yaml);
  const workload = mesh.workloads.get('atelier/db-1');
  if (workload === undefined) throw new Error('the mesh has lost its database');
  const callers = viewOf(mesh, workload, 0).inbound.flatMap((port) => port.callers);
  return Object.fromEntries(callers.map(({ tenant, spiffeIds }) => [tenant, spiffeIds]));
}
