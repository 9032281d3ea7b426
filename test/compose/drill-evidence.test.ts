/** What a report is told from the store: whose events, how many, and what it says of those that it did not read. */
import { describe, expect, test } from 'vitest';
import type { WantedHappenings } from '../../src/chaos/ports.ts';
import { drillEvidence } from '../../src/compose/drill-evidence.ts';
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { EventQuery, QueryAnswer, StoredEvent } from '../../src/evidence/store.ts';

const seal = { seal: (_: string, name: string) => name, reveal: (_: string, token: string) => token };
const wanted: WantedHappenings = {
  fromMs: 100,
  untilMs: 1_000_000,
  tenants: ['atelier', 'banque'],
  ofMesh: true,
  clusters: new Set(),
  endpoints: new Set(),
  accounts: new Map(),
};

/** Answers as a store does: newest first, up to the limit, and whether there is more. */
class FakeStore {
  readonly queries: EventQuery[] = [];
  readonly #events: readonly StoredEvent[];
  answer: (query: EventQuery) => QueryAnswer | undefined = () => undefined;

  constructor(events: readonly EvidenceEvent[]) {
    this.#events = events.map((event, index) => ({ replica: 'here', position: index + 1, event }));
  }

  async query(query: EventQuery): Promise<QueryAnswer> {
    this.queries.push(query);
    const told = this.answer(query);
    if (told !== undefined) return told;
    const { kinds = [], tenant, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY, limit } = query;
    const found = this.#events
      .filter(({ event }) => kinds.includes(event.kind) && event.tenant === tenant)
      .filter(({ event }) => event.atMs >= sinceMs && event.atMs < untilMs)
      .reverse();
    return { kind: 'events', events: found.slice(0, limit), cursor: {}, more: found.length > limit, silent: [] };
  }

  head() {
    return { replica: 'here', position: 7, hash: 'cafe', atMs: 1, signature: '' };
  }
}

function overflow(atMs: number, tenant = 'atelier'): EvidenceEvent {
  const [from, to] = [{ workload: `${tenant}/web` }, { cluster: 'x' }];
  return { id: `${tenant} ${atMs}`, atMs, tenant, kind: 'breaker-overflow', from, to, flags: ['UO'] };
}

function publication(atMs: number): EvidenceEvent {
  const more = { proxies: 1, withheld: [], objects: [], objectCount: 0 };
  return { id: `p ${atMs}`, atMs, tenant: 'coffre-system', kind: 'publication', ...more };
}

function read(store: FakeStore, more: Partial<WantedHappenings> = {}) {
  return drillEvidence(store, seal, () => '').happenings({ ...wanted, ...more });
}

test('of the tenants that are wanted, and of the mesh, in order of time, and of nobody else', async () => {
  const store = new FakeStore([
    overflow(99),
    overflow(120),
    overflow(130, 'banque'),
    overflow(140, 'notaire'),
    publication(110),
  ]);
  const { each, isCut } = await read(store);
  expect(each.map(({ atMs }) => atMs)).toEqual([110, 120, 130]);
  expect(isCut).toBe(false);
  expect((await read(store, { tenants: ['atelier'], ofMesh: false })).each.map(({ atMs }) => atMs)).toEqual([120]);
});

describe('many of them', () => {
  test('are read page by page, each once, though many are of one moment', async () => {
    const store = new FakeStore(Array.from({ length: 2_500 }, (_, index) => overflow(200 + Math.floor(index / 3))));
    const { each, isCut } = await read(store);
    expect([each.length, isCut]).toEqual([2_500, false]);
  });

  test('do not push out what is no call, and what was not read is said', async () => {
    const flood = Array.from({ length: 25_000 }, (_, index) => overflow(200 + index));
    const { each, isCut } = await read(new FakeStore([publication(150), ...flood]));
    expect(each[0]).toMatchObject({ kind: 'occurrence', what: 'publication' });
    expect(each.length).toBeGreaterThan(19_000);
    expect(isCut).toBe(true);
  });

  test('of a single moment, more than a page, come to an end and are said to be cut', async () => {
    const store = new FakeStore([overflow(150), ...Array.from({ length: 3_000 }, () => overflow(200))]);
    const { each, isCut } = await read(store);
    expect([each.length, isCut]).toEqual([1_001, true]);
  });
});

test('a store that fails, or a replica that is silent, is said to have cut the report', async () => {
  const store = new FakeStore([overflow(150)]);
  store.answer = () => ({ kind: 'failed', message: 'no space' });
  expect(await read(store)).toEqual({ each: [], isCut: true });
  store.answer = () => ({ kind: 'events', events: [], cursor: {}, more: false, silent: ['there'] });
  expect(await read(store)).toEqual({ each: [], isCut: true });
});

test('the head is told as it is witnessed, and before the first record there is none', () => {
  const store = new FakeStore([]);
  expect(drillEvidence(store, seal, () => '').head()).toBe('here:7:cafe');
  expect(
    drillEvidence({ query: (query) => store.query(query), head: () => undefined }, seal, () => '').head(),
  ).toBeUndefined();
});
