/** Who is in the mesh: the very same answer where nobody came, left or became somebody else. */
import { expect, test } from 'vitest';
import { Roster } from '../../src/controller/roster.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { atelier, pod, twoTenants } from '../fixtures/two-tenants.ts';

/** A pod of no service, so that nothing else is about it. */
const guest = pod('notaire', 'guest', '10.2.0.9');
const mesh = meshFrom(documents(twoTenants, guest));

test('every identity of the mesh is wanted once, and every tenant', () => {
  const twice = meshFrom(documents(twoTenants, pod('atelier', 'web', '10.1.0.8').replace('web-1', 'web-2')));
  const { tenants, spiffeIds } = new Roster().wanted(twice);
  expect(tenants).toEqual(['atelier', 'notaire']);
  expect(spiffeIds.filter((id) => id === atelier.web)).toHaveLength(1);
  expect(spiffeIds).toHaveLength(5);
});

test('an endpoint that moves wants the very same identities, and nobody has gone', () => {
  const roster = new Roster();
  const wanted = roster.wanted(mesh);
  const gone = roster.gone(mesh);
  const moved = meshFrom(documents(twoTenants.replace('10.1.0.3', '10.1.0.99'), guest));
  expect(moved.workloads.get('atelier/db-1')).not.toEqual(mesh.workloads.get('atelier/db-1'));
  expect(roster.wanted(moved)).toBe(wanted);
  expect(roster.gone(moved)).toBe(gone);
});

test.each([
  { what: 'a workload comes', yaml: documents(twoTenants, guest, pod('notaire', 'late', '10.2.0.10')) },
  { what: 'a workload goes', yaml: twoTenants },
  {
    what: 'a workload runs as somebody else',
    yaml: documents(twoTenants.replace('serviceAccountName: db', 'serviceAccountName: store'), guest),
  },
])('where $what, others are wanted', ({ yaml }) => {
  const roster = new Roster();
  const before = roster.wanted(mesh);
  const next = meshFrom(yaml);
  expect(roster.wanted(next)).toEqual(new Roster().wanted(next));
  expect(roster.wanted(next)).not.toEqual(before);
});

test('where lives are to be shorter, the same identities are wanted for less', () => {
  const roster = new Roster();
  const before = roster.wanted(mesh);
  const shorter = { ...mesh, mesh: { ...mesh.mesh, leafLifetimeMs: 1_000 } };
  expect(roster.wanted(shorter)).toEqual({ ...before, leafLifetimeMs: 1_000 });
});

test('who has gone is told once, and may come back', () => {
  const roster = new Roster();
  const less = meshFrom(twoTenants);
  expect([mesh, less, less, mesh, less].map((each) => roster.gone(each))).toEqual([
    [],
    ['notaire/guest-1'],
    [],
    [],
    ['notaire/guest-1'],
  ]);
});
