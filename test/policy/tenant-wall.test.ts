/** Nobody passes from one tenant into another, whatever either of them writes into an access policy. */
import { expect, test } from 'vitest';
import { viewOf } from '../../src/policy/view.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, notaire, tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

const api = 'atelier/api-1:8080';

test('inside one tenant everybody may call, from another nobody', () => {
  expectDecisions(meshFrom(twoTenants), [
    { from: atelier.web, to: api, request: 'GET /', want: 'allow tenant/atelier/default' },
    { from: atelier.web, to: 'atelier/db-1:5432', want: 'allow tenant/atelier/default' },
    { from: notaire.web, to: api, request: 'GET /', want: 'deny tenant-wall' },
    { from: notaire.web, to: 'atelier/db-1:5432', want: 'deny tenant-wall' },
    { from: atelier.web, to: 'notaire/api-1:8080', request: 'GET /', want: 'deny tenant-wall' },
  ]);
});

test('an allow rule opens no wall: not by tenant, not by principal, not by naming nobody', () => {
  const welcoming = (from: string) => `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: welcome, namespace: atelier }
spec:
  selector: { matchLabels: { app: api } }
  allow: [{ ${from} }]
`;
  for (const from of [
    'from: { tenants: [notaire] }',
    `from: { principals: ["${notaire.web}"] }`,
    'to: { ports: [8080] }',
  ]) {
    expectDecisions(meshFrom(documents(twoTenants, welcoming(from))), [
      { from: notaire.web, to: api, request: 'GET /', want: 'deny tenant-wall' },
      { from: notaire.api, to: api, request: 'GET /', want: 'deny tenant-wall' },
    ]);
  }
});

test('a name that only begins like one’s own is a stranger', () => {
  const mesh = meshFrom(documents(tenant('atelier'), tenant('atelier-bis'), tenant('notaire'), workloads));
  const stranger = 'spiffe://mesh.test/ns/atelier-bis/sa/web';
  expectDecisions(mesh, [{ from: stranger, to: api, request: 'GET /', want: 'deny tenant-wall' }]);
});

test('a proxy sees the ports and services of its own tenant and no others', () => {
  const mesh = meshFrom(twoTenants);
  for (const workload of mesh.workloads.values()) {
    const { inbound, outbound } = viewOf(mesh, workload, 0);
    expect(inbound.flatMap(({ callers }) => callers.map((caller) => caller.tenant))).toEqual([workload.tenant]);
    expect(new Set(outbound.map((port) => port.tenant))).toEqual(new Set([workload.tenant]));
  }
});
