/** Over any course of events: never about who is only claimed, bounded, and the same however the events come. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EvidenceEvent, Peer } from '../../src/evidence/event.ts';
import { seriesPerRuleMax } from '../../src/watch/crowd.ts';
import { rules } from '../../src/watch/rules.ts';
import { Watch } from '../../src/watch/watch.ts';

const claims = ['spiffe://mesh/ns/bank/sa/forged', 'spiffe://mesh/ns/shop/sa/forged'];

const anyPeer: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ claimed: fc.constantFrom(...claims), address: fc.constantFrom('10.0.0.1:1', '10.0.0.2:7', '[::1]:9') }),
  fc.record({ claimed: fc.constantFrom(...claims) }),
  fc.record({ identity: fc.constantFrom('spiffe://mesh/ns/shop/sa/web', 'no identity at all'), address: fc.string() }),
  fc.record({ workload: fc.constantFrom('shop/web-1', 'bank/db-1'), address: fc.constant('10.0.0.3:5') }),
);
const tenants = fc.constantFrom('shop', 'bank', 'notary');
const anyTarget = fc.record(
  { workload: tenants.map((tenant) => `${tenant}/api-1`), address: fc.nat(40).map((port) => `10.9.9.9:${port}`) },
  { requiredKeys: [] },
);
const kinds = [
  'denial',
  'plaintext-attempt',
  'handshake-failure',
  'undeclared-port',
  'breaker-overflow',
  'loss',
] as const;

const anyEvent = fc
  .record({
    kind: fc.constantFrom(...kinds),
    from: anyPeer,
    to: anyTarget,
    tenant: tenants,
    stepMs: fc.integer({ min: -5_000, max: 20_000 }),
  })
  .map(({ stepMs, ...event }) => ({
    stepMs,
    event: {
      ...{ verdict: 'deny', by: 'proxy', reason: 'r', silent: false, sni: '', direction: 'outbound', flags: ['UO'] },
      ...{ where: 'recorder', count: 1, why: '' },
      ...event,
    },
  }));

/** Few parties, so that they pass thresholds; each course is of one dull second after the other. */
const anyCourse = fc.array(anyEvent, { minLength: 100, maxLength: 400, size: 'max' }).map((steps) => {
  let atMs = 1_800_000_000_000;
  return steps.map(({ stepMs, event }, index) => {
    atMs += stepMs % 700;
    return { ...event, id: `e${index}`, atMs } as unknown as EvidenceEvent;
  });
});

function watched(portions: readonly (readonly EvidenceEvent[])[]) {
  const watch = new Watch();
  return portions.flatMap((events) => events.flatMap((event) => watch.see(event)));
}

test('no finding is about, or speaks of, an identity that was only claimed', () => {
  let findings = 0;
  fc.assert(
    fc.property(anyCourse, (events) => {
      const found = watched([events]);
      findings += found.length;
      for (const { about, text } of found) for (const claim of claims) expect(`${about} ${text}`).not.toContain(claim);
    }),
    { numRuns: 60 },
  );
  expect(findings).toBeGreaterThan(0);
});

test('the same events give the same findings, in whatever portions and however often they are watched', () => {
  fc.assert(
    fc.property(anyCourse, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (events, sizes) => {
      const portions: (readonly EvidenceEvent[])[] = [];
      for (let from = 0, turn = 0; from < events.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        portions.push(events.slice(from, from + size));
        from += size;
      }
      expect(watched(portions)).toEqual(watched([events]));
    }),
    { numRuns: 40 },
  );
});

test('every finding is told once an episode, names events that were seen, and at most ten', () => {
  fc.assert(
    fc.property(anyCourse, (events) => {
      const found = watched([events]);
      const ids = new Set(events.map(({ id }) => id));
      expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
      for (const finding of found) {
        expect(finding.events.length).toBeLessThanOrEqual(10);
        expect(finding.events.length).toBeLessThanOrEqual(finding.eventCount);
        expect(finding.events.filter((id) => !ids.has(id))).toEqual([]);
      }
    }),
    { numRuns: 40 },
  );
});

test('a crowd of any size fills no more than its bound', () => {
  const watch = new Watch();
  for (let index = 0; index < seriesPerRuleMax * 4; index += 1) {
    const from = { identity: `spiffe://mesh/ns/shop/sa/a${index}`, address: `10.1.${index >> 8}.${index & 255}:1` };
    const to = { address: `10.2.0.1:${index}` };
    const common = { id: `e${index}`, atMs: index, tenant: 'bank', from, to };
    watch.see({ kind: 'denial', ...common, verdict: 'deny', by: 'proxy', reason: 'r', workload: `bank/db-${index}` });
    watch.see({ kind: 'handshake-failure', ...common, sni: '', reason: '' });
    watch.see({ kind: 'undeclared-port', ...common, direction: 'outbound' });
  }
  expect(watch.parties).toBeLessThanOrEqual(rules.length * seriesPerRuleMax);
});
