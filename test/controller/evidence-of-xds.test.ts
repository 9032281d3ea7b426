/** What is kept of the xDS server's day: one line for what happened to many at once, and one for each refusal. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordXds, tallyWindowMs } from '../../src/controller/evidence-of-xds.io.ts';
import { PushTally, proxiesNamedMax, talliesMax } from '../../src/controller/push-tally.ts';
import type { XdsEvent } from '../../src/xds/xds-event.ts';
import { listeningTeller } from '../evidence/teller.ts';

const stream = (index: number, tenant = 'shop') =>
  ({ stream: index, protocol: 'delta', key: `${tenant}/web-${index}` }) as const;

function pushed(index: number, revision = 'r1', typeUrl = 'Cluster', tenant = 'shop'): XdsEvent {
  const counts = { resources: 2, removed: 1, bytes: 100 };
  return {
    kind: 'pushed',
    typeUrl,
    nonce: `${index}-${revision}`,
    version: 'v',
    revision,
    ...counts,
    ...stream(index, tenant),
  };
}

function answer(kind: 'acked' | 'nacked', index: number, revision = 'r1', message = 'no such cluster'): XdsEvent {
  const answered = { nonce: `${index}-${revision}`, version: 'v', resources: new Map([['one', 'v']]), removed: [] };
  const common = { typeUrl: 'Cluster', ...answered, ...stream(index) };
  return kind === 'acked' ? { kind, ...common } : { kind, ...common, cause: { code: 3, message } };
}

test('a change that goes to many proxies and is accepted by them is two events', () => {
  const teller = listeningTeller();
  const xds = recordXds(teller);
  const proxies = Array.from({ length: 30 }, (_, index) => index);
  for (const index of proxies) xds.heard(pushed(index));
  for (const index of proxies) xds.heard(answer('acked', index));
  expect(teller.heard()).toEqual([]);
  teller.clock.advance(tallyWindowMs);
  expect(teller.heard()).toMatchObject([
    { kind: 'push', tenant: 'shop', revision: 'r1', proxyCount: 30, resources: 60, removed: 30, bytes: 3_000 },
    {
      kind: 'ack',
      tenant: 'shop',
      revision: 'r1',
      proxyCount: 30,
      proxies: proxies.slice(0, proxiesNamedMax).map((index) => `shop/web-${index}`),
    },
  ]);
  expect(teller.clock.timers).toBe(0);
});

test('tenants, types and revisions are kept apart, and a proxy that is told twice is one', () => {
  const teller = listeningTeller();
  const xds = recordXds(teller);
  for (const event of [
    pushed(1),
    pushed(1),
    pushed(2, 'r2'),
    pushed(3, 'r1', 'Listener'),
    pushed(4, 'r1', 'Cluster', 'bank'),
  ])
    xds.heard(event);
  xds.stop();
  expect(teller.heard()).toMatchObject([
    { tenant: 'shop', typeUrl: 'Cluster', revision: 'r1', proxyCount: 1, resources: 4 },
    { tenant: 'shop', typeUrl: 'Cluster', revision: 'r2' },
    { tenant: 'shop', typeUrl: 'Listener', revision: 'r1' },
    { tenant: 'bank', typeUrl: 'Cluster', revision: 'r1' },
  ]);
});

test('a refusal is told at once, each by itself, with its revision, and behind the push that it refuses', () => {
  const teller = listeningTeller();
  const xds = recordXds(teller);
  xds.heard(pushed(1));
  xds.heard(answer('nacked', 1));
  xds.heard(answer('nacked', 1, 'r1', 'x'.repeat(9_000)));
  expect(teller.heard()).toMatchObject([
    { kind: 'push' },
    { kind: 'nack', workload: 'shop/web-1', revision: 'r1', resources: ['one'], message: 'no such cluster' },
    { kind: 'nack', message: 'x'.repeat(2_000) },
  ]);
});

test('an answer to what was not the newest has no revision, and neither has one after its stream', () => {
  const tally = new PushTally(() => 'id');
  tally.take(pushed(1, 'r2'), 0);
  tally.take(answer('acked', 1, 'r1'), 0);
  tally.take({ kind: 'stream-closed', reason: 'gone', ...stream(1) }, 0);
  tally.take(answer('acked', 1, 'r2'), 0);
  expect(tally.tell().map(({ kind, revision }) => [kind, revision])).toEqual([
    ['push', 'r2'],
    ['ack', undefined],
  ]);
});

test('what is counted is bounded: too many kinds at once end the window', () => {
  const tally = new PushTally(() => 'id');
  const told = Array.from({ length: talliesMax + 1 }, (_, index) => tally.take(pushed(index, `r${index}`), 0)).flat();
  expect(told).toHaveLength(talliesMax);
  expect(tally.tell()).toHaveLength(1);
});

test('over any course of pushes and answers every one is counted once', () => {
  const any = fc.record({
    what: fc.constantFrom('push', 'ack', 'wait'),
    index: fc.nat(5),
    revision: fc.constantFrom('r1', 'r2'),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 60 }), (steps) => {
      const teller = listeningTeller();
      const xds = recordXds(teller);
      for (const { what, index, revision } of steps) {
        if (what === 'wait') teller.clock.advance(tallyWindowMs / 2);
        else xds.heard(what === 'push' ? pushed(index, revision) : answer('acked', index, revision));
      }
      xds.stop();
      const resources = teller.heard().map((event) => (event.kind === 'push' ? event.resources : 0));
      expect(resources.reduce((sum, each) => sum + each, 0)).toBe(
        steps.filter(({ what }) => what === 'push').length * 2,
      );
      expect(teller.clock.timers).toBe(0);
    }),
  );
});
