/** Where a workload under explicit capture is told that its services are. */
import { expect, test } from 'vitest';
import { addressBookOf, hostsText } from '../../src/policy/address-book.ts';
import { viewOf } from '../../src/policy/view.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

function bookOf(mesh: string) {
  const snapshot = meshFrom(mesh);
  const workload = snapshot.workloads.get('atelier/web-1');
  if (workload === undefined) throw new Error('the mesh has no `atelier/web-1`');
  return addressBookOf(viewOf(snapshot, workload, 0));
}

/** The first pod of the two tenants, which is atelier's web. */
const explicit = twoTenants
  .replace(
    'labels: { app: web } }',
    'labels: { app: web }, annotations: { coffre.dev/capture: explicit, coffre.dev/application-address: 127.0.5.1, coffre.dev/outbound-addresses: atelier/db=127.9.0.1 } }',
  )
  .replace('10.1.0.1', '127.0.1.1');

test('it lists the services of the own tenant, by short and full names, and no others', () => {
  const book = bookOf(explicit);
  expect(book.map(({ names: [name], port, protocol }) => `${name} ${port} ${protocol}`)).toEqual([
    'api 80 http',
    'db 5432 tcp',
    'web 80 http',
  ]);
  expect(book[1]).toMatchObject({
    address: '127.9.0.1',
    names: ['db', 'db.atelier', 'db.atelier.svc', 'db.atelier.svc.cluster.local'],
  });
});

test('a hosts file has each name once, at its address', () => {
  const lines = hostsText(bookOf(explicit)).split('\n');
  expect(lines.filter((line) => line.startsWith('127.9.0.1 '))).toEqual([
    '127.9.0.1 db',
    '127.9.0.1 db.atelier',
    '127.9.0.1 db.atelier.svc',
    '127.9.0.1 db.atelier.svc.cluster.local',
  ]);
  expect(new Set(lines).size).toBe(lines.length);
});

test('under interception it is empty: a cluster’s DNS knows those names', () => {
  expect(bookOf(twoTenants)).toEqual([]);
});
