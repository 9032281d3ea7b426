/** A caller whose name cannot be read, or who comes from another trust domain, is nobody, and no rule lets nobody in. */
import { test } from 'vitest';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { expectDecisions } from './decisions.ts';

test.each([
  '',
  'web',
  'spiffe://mesh.test/ns/atelier/sa/',
  'spiffe://mesh.test/ns//sa/web',
  'spiffe://mesh.test/ns/atelier/sa/web/',
  'spiffe://mesh.test/ns/atelier/sa/web/extra',
  'spiffe://mesh.test/ns/atelier/../notaire/sa/web',
  'spiffe://mesh.test/ns/atelier/sa/web?x=1',
  'spiffe://mesh.test/ns/atelier/sa/web#x',
  'spiffe://mesh.test:443/ns/atelier/sa/web',
  'spiffe://user@mesh.test/ns/atelier/sa/web',
  'spiffe://other.test/ns/atelier/sa/web',
  'spiffe://sub.mesh.test/ns/atelier/sa/web',
  'SPIFFE://mesh.test/ns/atelier/sa/web',
  'spiffe://mesh.test/ns/Atelier/sa/web',
  'spiffe://mesh.test/ns/atelier/sa/w%65b',
  'spiffe://mesh.test/ns/atelier/sa/web\n',
  ' spiffe://mesh.test/ns/atelier/sa/web',
  'spiffe://mesh.test/ns/atelier/sa/web,spiffe://mesh.test/ns/atelier/sa/api',
  `spiffe://mesh.test/ns/atelier/sa/${'w'.repeat(2_048)}`,
])('%j is no identity', (from) => {
  expectDecisions(meshFrom(twoTenants), [
    { from, to: 'atelier/api-1:8080', request: 'GET /', want: 'deny no-identity' },
    { from, to: 'atelier/db-1:5432', want: 'deny no-identity' },
  ]);
});
