/** How long the loop may sleep: to the nearest thing that time brings, at least a moment after a failure, at most a minute. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { waitMs } from '../../src/controller/schedule.ts';
import { buildSnapshot } from '../../src/model/build-snapshot.ts';
import type { Quarantine } from '../../src/model/quarantine.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';
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

interface End {
  readonly what: 'grant' | 'allow' | 'deny' | 'consent' | 'quarantine';
  readonly tenant: 'atelier' | 'notaire';
  readonly atMs: number;
}

const anyEnd: fc.Arbitrary<End> = fc.record({
  what: fc.constantFrom('grant', 'allow', 'deny', 'consent', 'quarantine'),
  tenant: fc.constantFrom('atelier', 'notaire'),
  // Close upon each other, on each other, past already, and beyond the longest wait.
  atMs: fc.oneof(fc.integer({ min: -5, max: 20 }), fc.integer({ min: 0, max: 300_000 })).map((ms) => nowMs + ms),
});

function endingText({ what, tenant, atMs }: End, index: number): string {
  const other = tenant === 'atelier' ? 'notaire' : 'atelier';
  const notAfter = `notAfter: "${new Date(atMs).toISOString()}"`;
  const object = (kind: string, spec: string) =>
    `\napiVersion: coffre.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: o${index}, namespace: ${tenant} }\nspec: ${spec}\n`;
  switch (what) {
    case 'grant':
      return object('Grant', `{ from: { tenant: ${other} }, to: { service: api }, reason: reads, ${notAfter} }`);
    case 'consent':
      return object(
        'DrillConsent',
        `{ asCaller: { targetTenants: [${other}], methods: [abort], maxDuration: 1m, maxPercent: 50 }, ${notAfter} }`,
      );
    case 'quarantine':
      return '';
    default:
      return object('AccessPolicy', `{ ${what}: [{ from: { serviceAccounts: [web] }, ${notAfter} }] }`);
  }
}

test('whatever ends is looked at when it ends, and the look is followed by a wait', () => {
  fc.assert(
    fc.property(fc.array(anyEnd, { maxLength: 8 }), (ends) => {
      const builder = new SnapshotBuilder();
      const objects = objectsFrom(documents(twoTenants, ...ends.map(endingText)));
      const quarantines = ends.flatMap(({ what, tenant, atMs }, index): Quarantine[] => {
        const spiffeId = `spiffe://mesh.example/ns/${tenant}/sa/q${index}`;
        return what === 'quarantine' ? [{ spiffeId, tenant, reason: 'r', by: 'b', sinceMs: 0, untilMs: atMs }] : [];
      });
      const looks = [nowMs];
      for (let atMs = nowMs; atMs <= nowMs + 300_000; looks.push(atMs)) {
        const wait = waitMs(builder.build(objects, atMs, quarantines), [], atMs);
        expect(wait).toBeGreaterThan(0);
        atMs += wait;
      }
      const due = new Set(ends.map(({ atMs }) => atMs).filter((atMs) => atMs > nowMs));
      expect([...due].filter((atMs) => !looks.includes(atMs))).toEqual([]);
      const idle = looks.filter(
        (atMs, index) => index > 0 && !due.has(atMs) && atMs - (looks[index - 1] ?? 0) < 60_000,
      );
      expect(idle).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('without a snapshot it waits for renewals alone', () => {
  expect(waitMs(undefined, [], nowMs)).toBe(60_000);
  expect(waitMs(undefined, [nowMs + 700], nowMs)).toBe(700);
});
