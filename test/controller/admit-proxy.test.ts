/** Who is admitted as which proxy: the holder of a live token of ours, for the workload it names, as that is now. */
import { expect, test } from 'vitest';
import { admitProxy } from '../../src/controller/admit-proxy.ts';
import { workerKey } from '../../src/controller/configure.ts';
import type { TokenVerdict } from '../../src/identity/token-claims.ts';
import { meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const snapshot = meshFrom(twoTenants);
const token: TokenVerdict = { kind: 'ok', workload: 'atelier/web-1', serviceAccount: 'web', expiresAtMs: 7_000 };
const claim = { nodeId: 'atelier/web-1', nodeCluster: 'atelier', snapshot };

test('the holder of a token is its workload, until the token ends', () => {
  expect(admitProxy(token, claim)).toEqual({ kind: 'client', key: 'atelier/web-1', expiresAtMs: 7_000 });
});

test('an authorization worker is admitted by a token of its own, and for no other node', () => {
  const worker: TokenVerdict = { kind: 'ok', workload: workerKey, serviceAccount: 'authz', expiresAtMs: 7_000 };
  const [nodeCluster = ''] = workerKey.split('/');
  expect(admitProxy(worker, { nodeId: workerKey, nodeCluster, snapshot })).toMatchObject({ key: workerKey });
  expect(admitProxy(worker, claim)).toMatchObject({ kind: 'refused', status: 'PERMISSION_DENIED' });
  expect(admitProxy(token, { nodeId: workerKey, nodeCluster, snapshot })).toMatchObject({ kind: 'refused' });
});

test.each([
  { what: 'a bad token', token: { kind: 'refused', reason: 'expired' } as const, status: 'UNAUTHENTICATED' },
  { what: 'another node id', claim: { nodeId: 'atelier/api-1' } },
  { what: 'another tenant’s node id', claim: { nodeId: 'notaire/web-1', nodeCluster: 'notaire' } },
  { what: 'another node cluster', claim: { nodeCluster: 'notaire' } },
  { what: 'a workload that does not exist', token: { workload: 'atelier/gone' }, claim: { nodeId: 'atelier/gone' } },
  { what: 'a workload that runs under another account now', token: { serviceAccount: 'api' } },
  { what: 'a mesh that has not been read', claim: { snapshot: undefined } },
])('$what is refused', ({ token: otherToken = {}, claim: otherClaim = {}, status = 'PERMISSION_DENIED' }) => {
  const verdict = { ...token, ...otherToken } as TokenVerdict;
  expect(admitProxy(verdict, { ...claim, ...otherClaim })).toMatchObject({ kind: 'refused', status });
});

test('a proxy of whom nobody can say who it is may come back', () => {
  expect(admitProxy({ kind: 'unanswered' }, claim)).toMatchObject({ kind: 'refused', status: 'UNAVAILABLE' });
});

test('the reason of a refusal is a line of our log, however long the node says that its name is', () => {
  const refused = admitProxy(token, { ...claim, nodeId: `${'n'.repeat(1_000_000)}\n` });
  expect(refused).toMatchObject({ reason: expect.stringMatching(/^.{1,300}$/) });
});
