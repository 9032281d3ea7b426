/** Names of people and names of workloads: no text is both. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPerson, parsePerson, roles } from '../../src/admin/person.ts';
import { formatSpiffeId, parseSpiffeId } from '../../src/model/spiffe-id.ts';

const td = 'mesh.test';

test.each([
  `spiffe://${td}/people/viewer/mesh/alice`,
  `spiffe://${td}/people/game-master/tenant/atelier/bob.k_2`,
  `spiffe://${td}/people/auditor/tenant/mesh/carol`,
  `spiffe://${td}/people/alerter/tenant/atelier/alertmanager`,
  `spiffe://${td}/people/viewer/tenant/owner/owner2`,
])('%s names a person, is written back the same, and is no workload', (uri) => {
  const person = parsePerson(uri);
  expect(person && formatPerson(person)).toBe(uri);
  expect(parseSpiffeId(uri).kind).toBe('refused');
});

test.each([
  `spiffe://${td}/ns/atelier/sa/web`,
  `spiffe://${td}/ns/people/sa/viewer`,
  `spiffe://${td}/people/admin/mesh/alice`,
  `spiffe://${td}/people/operator/alice`,
  `spiffe://${td}/people/operator/tenant/alice`,
  `spiffe://${td}/people/operator/tenant/*/alice`,
  `spiffe://${td}/people/operator/mesh/tenant/alice`,
  `spiffe://${td}/people/operator/mesh/Alice`,
  `spiffe://${td}/people/operator/mesh/alice/`,
  `spiffe://${td}/people/operator/mesh/alice\n`,
  `spiffe://${td}/people/operator/mesh/alice, URI:spiffe://${td}/people/operator/mesh/bob`,
  `spiffe://evil@${td}/people/operator/mesh/alice`,
  `https://${td}/people/operator/mesh/alice`,
  // Who holds the state folder is called so.
  `spiffe://${td}/people/game-master/mesh/owner`,
  `spiffe://${td}/people/viewer/mesh/${'a'.repeat(2_048)}`,
])('%j names nobody', (uri) => {
  expect(parsePerson(uri)).toBeUndefined();
});

test('no workload’s name is a person’s, whatever its namespace and service account are called', () => {
  const word = fc.constantFrom('people', 'mesh', 'tenant', 'viewer', 'operator', 'ns', 'sa', 'a');
  fc.assert(
    fc.property(word, word, (namespace, serviceAccount) => {
      expect(parsePerson(formatSpiffeId({ trustDomain: td, namespace, serviceAccount }))).toBeUndefined();
    }),
  );
});

test('every role can be scoped to the mesh and to a tenant called `mesh`, and the two differ', () => {
  for (const role of roles) {
    const whole = formatPerson({ trustDomain: td, role, scope: { kind: 'mesh' }, name: 'a' });
    const one = formatPerson({ trustDomain: td, role, scope: { kind: 'tenant', tenant: 'mesh' }, name: 'a' });
    expect(parsePerson(whole)?.scope).toEqual({ kind: 'mesh' });
    expect(parsePerson(one)?.scope).toEqual({ kind: 'tenant', tenant: 'mesh' });
  }
});
