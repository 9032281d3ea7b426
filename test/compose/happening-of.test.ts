/** Events of the evidence as a report of a drill tells them. */
import { describe, expect, test } from 'vitest';
import { happeningOf } from '../../src/compose/happening-of.ts';
import type { EvidenceEvent } from '../../src/evidence/event.ts';

const edge = {
  clusters: new Set(['atelier/api/80']),
  endpoints: new Set(['atelier/api-1']),
  accounts: new Map([['atelier/web-1', 'atelier/web']]),
};
const common = { id: 'e', atMs: 5, tenant: 'atelier' } as const;
const of = (event: EvidenceEvent) => happeningOf(event, edge, (tenant, token) => `${token} of ${tenant}`);
const web = 'spiffe://mesh.test/ns/atelier/sa/web';

describe('a call', () => {
  const overflow: EvidenceEvent = {
    ...common,
    kind: 'breaker-overflow',
    from: { workload: 'atelier/web-1' },
    to: { cluster: 'atelier/api/80' },
    flags: ['UO'],
  };

  test('that its breaker turned away is an overflow of the edge, by the account of its proxy', () => {
    expect(of(overflow)).toEqual({
      ...{ kind: 'call', atMs: 5, caller: 'atelier/web', proxy: 'atelier/web-1', callee: 'atelier/api/80' },
      ...{ onEdge: true, outcome: 'overflow', detail: 'UO', standsFor: 1 },
    });
  });

  test('to another cluster is not on the edge, and with other flags failed otherwise', () => {
    const other: EvidenceEvent = { ...overflow, to: { cluster: 'atelier/db/5432' }, flags: ['UF', 'URX'] };
    expect(of(other)).toMatchObject({ onEdge: false, outcome: 'failed', detail: 'UF, URX' });
    const status = { host: 'api', method: 'GET', path: '/', status: 503 };
    expect(of({ ...overflow, flags: [], request: status })).toMatchObject({ outcome: 'failed', detail: '503' });
  });

  test('that was allowed counts as often as it stands for; an error among them has a moment, and is not counted', () => {
    const sample = (status: number): EvidenceEvent => ({
      ...common,
      ...{ kind: 'request', verdict: 'allow', from: { identity: web }, to: { workload: 'atelier/api-1' } },
      ...{ request: { host: 'api', method: 'GET', path: '/', status }, durationMs: 3, standsFor: 100 },
    });
    expect(of(sample(200))).toMatchObject({ caller: 'atelier/web', onEdge: true, outcome: 'passed', standsFor: 100 });
    expect(of(sample(503))).toMatchObject({ outcome: 'answered-error', detail: '503', onEdge: true, standsFor: 1 });
  });

  test('names who was proved, else an address, and never who was only claimed', () => {
    const denial = (from: object): EvidenceEvent => ({
      ...common,
      ...{
        kind: 'denial',
        verdict: 'deny',
        from,
        to: { workload: 'atelier/api-1' },
        by: 'worker',
        reason: 'no-allow-rule',
      },
    });
    expect(of(denial({ identity: web, address: '10.0.0.1:1' }))).toMatchObject({
      caller: 'atelier/web',
      outcome: 'denied',
    });
    expect(of(denial({ claimed: web, address: '10.0.0.1:1' }))).toMatchObject({ caller: '10.0.0.1:1' });
  });
});

test('a publication names three objects and how many more there are', () => {
  const objects = ['a', 'b', 'c', 'd'];
  expect(
    of({ ...common, kind: 'publication', revision: 'r7', proxies: 4, withheld: [], objects, objectCount: 9 }),
  ).toEqual({
    ...{ kind: 'occurrence', atMs: 5, what: 'publication', about: 'r7', words: 'a, b, c and 6 more', proxies: 4 },
  });
});

test('a person is told by name', () => {
  const told = of({ ...common, kind: 'human-action', person: 'p:1', method: 'drillHalt', about: 'a/b', status: 200 });
  expect(told).toMatchObject({ what: 'person', about: 'drillHalt', words: 'p:1 of atelier' });
});

const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const others: readonly (readonly [string, EvidenceEvent, object])[] = [
  [
    'a push',
    { ...common, kind: 'push', typeUrl, proxies: [], proxyCount: 3, resources: 2, removed: 0, bytes: 9 },
    { what: 'push', about: 'Cluster', proxies: 3, resources: 2 },
  ],
  ['an acceptance', { ...common, kind: 'ack', typeUrl, proxies: [], proxyCount: 3 }, { what: 'ack', proxies: 3 }],
  [
    'a refusal of configuration',
    { ...common, kind: 'nack', typeUrl, resources: [], message: 'bad' },
    { what: 'nack', words: 'bad' },
  ],
  [
    'an endpoint that is out of balance',
    {
      ...common,
      kind: 'ejection',
      what: 'ejected',
      from: { workload: 'atelier/web-1' },
      to: { address: '10.0.0.9:80' },
    },
    { what: 'ejected', about: '10.0.0.9:80', words: 'atelier/web' },
  ],
  [
    'bytes that are no TLS',
    {
      ...common,
      kind: 'plaintext-attempt',
      from: { address: '10.0.0.7:1' },
      to: { workload: 'atelier/api-1' },
      silent: true,
    },
    { what: 'plaintext-attempt', about: 'atelier/api-1', words: '10.0.0.7:1' },
  ],
  [
    'a problem that is solved',
    { ...common, kind: 'problem', what: 'solved', code: 'c', text: 't' },
    { what: 'problem-solved', about: 'c', words: 't' },
  ],
  ['a loss', { ...common, kind: 'loss', where: 'recorder', count: 4, why: 'full' }, { what: 'loss', words: '4: full' }],
];

test.each(others)('%s', (_, event, told) => {
  expect(of(event)).toMatchObject({ kind: 'occurrence', atMs: 5, ...told });
});

test('a drill tells its own story', () => {
  expect(of({ ...common, kind: 'drill', stream: 'a/b', sequence: 1, body: '{}' })).toBeUndefined();
});
