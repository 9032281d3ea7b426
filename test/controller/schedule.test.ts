/** How long the loop may sleep: to the nearest thing that time brings, at least a moment after a failure, at most a minute. */
import { expect, test } from 'vitest';
import { waitMs } from '../../src/controller/schedule.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import { documents, meshFrom, objectsFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const nowMs = Date.UTC(2027, 0, 1);

function granted(...endsMs: readonly number[]) {
  const grants = endsMs.map(
    (ms, index) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: g${index}, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: api }, notAfter: "${new Date(ms).toISOString()}", reason: reads }
`,
  );
  return meshFrom(documents(twoTenants, ...grants));
}

test.each([
  { what: 'nothing is due', ends: [], renewals: [], want: 60_000 },
  { what: 'nothing is ever due', ends: [], renewals: [Infinity, Infinity], want: 60_000 },
  { what: 'a grant ends soon', ends: [nowMs + 1], renewals: [Infinity], want: 1 },
  { what: 'the nearest of two grants ends', ends: [nowMs + 900, nowMs + 300], renewals: [], want: 300 },
  { what: 'a grant ended while nobody looked', ends: [nowMs - 1], renewals: [Infinity], want: 0 },
  { what: 'a grant ends in a year', ends: [nowMs + 31_536_000_000], renewals: [], want: 60_000 },
  { what: 'a renewal is due before a grant ends', ends: [nowMs + 900], renewals: [nowMs + 400], want: 400 },
  { what: 'a renewal failed and is overdue', ends: [], renewals: [nowMs - 5_000], want: 250 },
  { what: 'a renewal is overdue and a grant ends sooner', ends: [nowMs + 10], renewals: [0], want: 10 },
])('where $what it waits $want ms', ({ ends, renewals, want }) => {
  expect(waitMs(granted(...ends), renewals, nowMs)).toBe(want);
});

function ruled(effect: 'allow' | 'deny', endMs: number, builtAtMs: number) {
  const rule = `{ from: { serviceAccounts: [web] }, notAfter: "${new Date(endMs).toISOString()}" }`;
  const policy = `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: p, namespace: atelier }
spec: { ${effect}: [${rule}] }
`;
  return buildSnapshot(objectsFrom(documents(twoTenants, policy)), builtAtMs);
}

test.each(['allow', 'deny'] as const)('the end of one rule that %ss is looked at once, when it comes', (effect) => {
  const endMs = nowMs + 500;
  expect(waitMs(ruled(effect, endMs, nowMs), [], nowMs)).toBe(500);
  // It passed while the snapshot was published, which so does not know of it.
  expect(waitMs(ruled(effect, endMs, nowMs), [], endMs + 3)).toBe(0);
  expect(waitMs(ruled(effect, endMs, endMs), [], endMs + 3)).toBe(60_000);
});

test('without a snapshot it waits for renewals alone', () => {
  expect(waitMs(undefined, [], nowMs)).toBe(60_000);
  expect(waitMs(undefined, [nowMs + 700], nowMs)).toBe(700);
});
