/** What may be a reason to shut a door changes somebody's rights; what may not leaves it. */
import { expect, test } from 'vitest';
import { rightsOf } from '../../src/controller/rights.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelierPolicy, noAdmin, pod, service, tenant, twoTenants, workloads } from '../fixtures/two-tenants.ts';

const ends = Date.UTC(2027, 0, 1);
const grant = `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, notAfter: "${new Date(ends).toISOString()}", reason: reads }
`;
const narrowed = (more: string) => grant.replace('{ service: api }', more);
const ofDb = atelierPolicy('{ selector: { matchLabels: { app: db } }, allow: [{ from: { serviceAccounts: [api] } }] }');

interface Row {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly afterMs?: number;
  readonly changes: boolean;
}

const rows: readonly Row[] = [
  { what: 'a policy that selects it', before: twoTenants, after: documents(twoTenants, noAdmin), changes: true },
  { what: 'a policy that selects another', before: twoTenants, after: documents(twoTenants, ofDb), changes: false },
  { what: 'a grant of its tenant', before: documents(twoTenants, grant), after: twoTenants, changes: true },
  ...['{ service: api, hosts: [a.test] }', '{ service: api, headers: [{ name: x-team, exact: red }] }'].map((to) => ({
    what: `a grant that is now to ${to}`,
    before: documents(twoTenants, grant),
    after: documents(twoTenants, narrowed(to)),
    changes: true,
  })),
  {
    what: 'a condition of a grant',
    before: documents(twoTenants, grant),
    after: documents(twoTenants, narrowed('{ service: api }, when: request.method == "GET"')),
    changes: true,
  },
  {
    what: 'another condition of a grant',
    before: documents(twoTenants, narrowed('{ service: api }, when: request.method == "GET"')),
    after: documents(twoTenants, narrowed('{ service: api }, when: request.method == "PUT"')),
    changes: true,
  },
  {
    what: 'the end of a grant, by time alone',
    before: documents(twoTenants, grant),
    after: documents(twoTenants, grant),
    afterMs: ends,
    changes: true,
  },
  {
    what: 'another place for its tenant',
    before: twoTenants,
    after: documents(tenant('atelier', 'environment: test'), tenant('notaire'), workloads),
    changes: true,
  },
  {
    what: 'a service and a pod more',
    before: twoTenants,
    after: documents(
      twoTenants,
      pod('atelier', 'more', '10.1.0.9'),
      service('atelier', 'more', '10.96.1.9', 'name: http, port: 80'),
    ),
    changes: false,
  },
  {
    what: 'the same policy on another line',
    before: documents(twoTenants, noAdmin, grant),
    after: documents(grant, noAdmin, twoTenants),
    changes: false,
  },
];

test.each(rows)('$what changes them: $changes', ({ before, after, afterMs = 0, changes }) => {
  const [then, now] = [rights(before, 0), rights(after, afterMs)];
  expect(then === now).toBe(!changes);
});

function rights(yaml: string, nowMs: number): string {
  const snapshot = meshFrom(yaml);
  const workload = snapshot.workloads.get('atelier/api-1') ?? expect.fail('no such workload');
  const rights = rightsOf(snapshot, nowMs);
  return `${rights.places} ${rights.of(workload)}`;
}
