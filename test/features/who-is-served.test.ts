/** Who is turned away at the door of the ADS stream, and that nothing is told to them on the way. */
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { twoTenants } from '../fixtures/two-tenants.ts';
import { ControlPlane, tokenOf } from './control-plane.ts';
import { Sidecar } from './sidecar.ts';

let plane: ControlPlane;

beforeEach(async () => {
  plane = await ControlPlane.start();
  await plane.write(twoTenants);
});

afterEach(() => plane.stop());

test.each([
  { what: 'a forged token', workload: 'atelier/web-1', token: 'forged', code: status.UNAUTHENTICATED },
  { what: 'no token', workload: 'atelier/web-1', token: '', code: status.UNAUTHENTICATED },
  { what: 'another workload’s token', workload: 'atelier/api-1', token: tokenOf('atelier/web-1', 'web') },
  { what: 'another tenant’s token', workload: 'atelier/web-1', token: tokenOf('notaire/web-1', 'web') },
  { what: 'a workload that does not exist', workload: 'atelier/gone-1', token: tokenOf('atelier/gone-1', 'web') },
  { what: 'a token of an account it no longer has', workload: 'atelier/web-1', token: tokenOf('atelier/web-1', 'api') },
])('$what is refused', async ({ workload, token, code = status.PERMISSION_DENIED }) => {
  const refusal = await Sidecar.refusal(plane, workload, token);
  expect(refusal.code).toBe(code);
  // The caller learns that it is refused and nothing else: no name of a workload, no reason.
  expect(refusal.details).not.toMatch(/atelier|notaire|token of|account/);
  expect(plane.events.map(({ kind }) => kind)).toEqual(['refused']);
});

test('a proxy that comes before its certificate is answered when there is one', async () => {
  plane.mesh.authority.refused.add('spiffe://mesh.test/ns/atelier/sa/late');
  const late = twoTenants.replace('serviceAccountName: web', 'serviceAccountName: late');
  await plane.write(late);
  const connecting = Sidecar.connect(plane, 'atelier/web-1', 'late');
  plane.mesh.authority.refused.clear();
  await plane.write(late);
  const sidecar = await connecting;
  expect(JSON.stringify(sidecar.held('secret', 'identity'))).toContain('leaf of spiffe://mesh.test/ns/atelier/sa/late');
  sidecar.close();
});
