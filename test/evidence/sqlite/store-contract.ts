/** What every store of evidence keeps, whatever it is made of: one suite, run against each. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { headIsSigned, publicKeyOf } from '../../../src/evidence/chain/head.ts';
import type { EventQuery, EvidenceStore, SignedHead } from '../../../src/evidence/store.ts';
import { denial, noonMs, sampled, undeclared } from '../event-samples.ts';

/** One store's place, which may be opened several times. */
export interface StoreWorld {
  open(): Promise<EvidenceStore>;
  /** After every store of it was closed. */
  remove(): Promise<void>;
}

const dayMs = 86_400_000;

export function describeStore(name: string, make: () => Promise<StoreWorld>): void {
  describe(`a store in ${name}`, () => {
    let world: StoreWorld;
    let opened: EvidenceStore[];

    beforeEach(async () => {
      opened = [];
      world = await make();
    });

    afterEach(async () => {
      await Promise.all(opened.map((store) => store.close()));
      await world.remove();
    });

    async function open(): Promise<EvidenceStore> {
      const store = await world.open();
      opened.push(store);
      return store;
    }

    async function idsOf(store: EvidenceStore, query: Omit<EventQuery, 'limit'> = {}): Promise<readonly string[]> {
      const answer = await store.query({ limit: 100, ...query });
      if (answer.kind === 'failed') throw new Error(answer.message);
      return answer.events.filter(({ event }) => event.kind !== 'store').map(({ event }) => event.id);
    }

    function isSigned(store: EvidenceStore, head: SignedHead | undefined): boolean {
      return head !== undefined && headIsSigned(publicKeyOf(store.publicKeyPem), 'head', head);
    }

    describe('an append', () => {
      test('is answered with a head that its key signed and that covers it', async () => {
        const store = await open();
        const before = store.head()?.position ?? 0;
        const answer = await store.append([denial('a'), denial('b')]);
        expect(answer).toMatchObject({ kind: 'kept', skipped: 0, head: { position: before + 2 } });
        expect(isSigned(store, store.head())).toBe(true);
        expect(store.head()?.position).toBe(before + 2);
      });

      test('is there after it was opened anew, whole', async () => {
        const first = await open();
        await first.append([denial('a', { reason: 'forged\n"line" \u0000 \u202e ☃' })]);
        await first.close();
        const answer = await (await open()).query({ id: 'a', limit: 1 });
        expect(answer).toMatchObject({
          events: [{ event: denial('a', { reason: 'forged\n"line" \u0000 \u202e ☃' }) }],
        });
      });

      test('of what is kept already changes nothing and says so', async () => {
        const store = await open();
        await store.append([denial('a')]);
        const head = store.head();
        expect(await store.append([denial('a', { reason: 'told again' })])).toMatchObject({ kind: 'kept', skipped: 1 });
        expect(store.head()).toEqual(head);
        expect(await store.append([denial('b'), denial('a'), denial('b')])).toMatchObject({ skipped: 2 });
        expect(await idsOf(store)).toEqual(['b', 'a']);
      });

      test('of many at once keeps each once and in one order', async () => {
        const store = await open();
        const ids = Array.from({ length: 200 }, (_, index) => `e${index}`);
        const answers = await Promise.all(ids.map((id) => store.append([denial(id)])));
        expect(answers.every(({ kind }) => kind === 'kept')).toBe(true);
        const answer = await store.query({ kinds: ['denial'], limit: 1_000 });
        const positions = answer.kind === 'events' ? answer.events.map(({ position }) => position) : [];
        expect(new Set(positions).size).toBe(200);
        expect(Math.max(...positions) - Math.min(...positions)).toBe(199);
      });

      test('that could be no record is refused whole', async () => {
        const store = await open();
        const answer = await store.append([denial('a'), denial('x'.repeat(65))]);
        expect(answer).toMatchObject({ kind: 'failed', full: false });
        expect(await idsOf(store)).toEqual([]);
      });
    });

    describe('a record of a drill', () => {
      const about = { atMs: noonMs, tenant: 'vault' };

      test('is there when the call returns, in order, and anew', async () => {
        const store = await open();
        expect(store.appendDrill('vault/slow', 0, '{"a":1}', about)).toEqual({ kind: 'appended', sequence: 1 });
        expect(store.appendDrill('vault/slow', 1, '{"a":2}', about)).toEqual({ kind: 'appended', sequence: 2 });
        const bodies = (from: EvidenceStore) => from.drillRecords().map(({ body }) => body);
        expect(bodies(store)).toEqual(['{"a":1}', '{"a":2}']);
        expect(isSigned(store, store.head())).toBe(true);
        await store.close();
        expect(bodies(await open())).toEqual(['{"a":1}', '{"a":2}']);
      });

      test('of two that know the same one before, one wins', async () => {
        const store = await open();
        store.appendDrill('vault/slow', 0, '1', about);
        expect(store.appendDrill('vault/slow', 0, '2', about).kind).toBe('conflict');
        expect(store.appendDrill('vault/slow', 0, '1', about).kind).toBe('conflict');
        expect(store.appendDrill('vault/other', 0, '2', about).kind).toBe('appended');
        expect(store.drillRecords().map(({ stream, sequence }) => `${stream} ${sequence}`)).toEqual([
          'vault/slow 1',
          'vault/other 1',
        ]);
      });

      test('is an event as well, and is none that a mere append could make', async () => {
        const store = await open();
        store.appendDrill('vault/slow', 0, '{}', about);
        const answer = await store.query({ kinds: ['drill'], limit: 10 });
        const [found] = answer.kind === 'events' ? answer.events : [];
        expect(found?.event).toMatchObject({ kind: 'drill', stream: 'vault/slow', sequence: 1, body: '{}', ...about });
        if (found === undefined) throw new Error('unreachable');
        expect(await store.append([{ ...found.event, id: 'other' }])).toMatchObject({ kind: 'failed' });
      });

      test('leaves a probe nothing to find', async () => {
        const store = await open();
        store.appendDrill('vault/slow', 0, '{}', about);
        const head = store.head();
        expect([store.probe(), store.probe(), store.blocked()]).toEqual([undefined, undefined, undefined]);
        expect(store.head()).toEqual(head);
        expect(store.appendDrill('vault/slow', 1, '{}', about).kind).toBe('appended');
      });
    });

    describe('whoever opened it before', () => {
      const about = { atMs: noonMs, tenant: 'vault' };

      test('is refused from the moment that another opens it', async () => {
        const old = await open();
        expect(old.blocked()).toBeUndefined();
        old.appendDrill('vault/slow', 0, '1', about);
        const young = await open();
        expect(old.blocked()).toContain('another control plane');
        expect(old.probe()).toContain('another control plane');
        expect(old.appendDrill('vault/slow', 1, '2', about).kind).toBe('fenced');
        expect((await old.append([denial('late')])).kind).toBe('blocked');
        expect((await old.prune({ security: 0 }, noonMs + 1)).kind).toBe('failed');
        expect(young.appendDrill('vault/slow', 1, '3', about).kind).toBe('appended');
        expect(young.drillRecords().map(({ body }) => body)).toEqual(['1', '3']);
        const [first, second] = young.drillRecords();
        expect(second?.epoch).toBeGreaterThan(first?.epoch ?? Number.NaN);
      });
    });

    describe('a query', () => {
      const proved = 'spiffe://mesh.example/ns/atelier/sa/web';
      const events = [
        denial('deny', { decision: 'decision-1', trace: 'a'.repeat(32) }),
        sampled('allow', { decision: 'decision-2', atMs: noonMs + 1_000 }),
        denial('away', { verdict: 'unavailable', tenant: 'other', from: { address: '10.9.9.9:1' }, to: {} }),
        undeclared('nowhere', { address: '10.96.1.2:80', port: 80, service: 'shop/cart' }),
        denial('deep', { request: { host: 'h', method: 'PUT', path: '/orders/7/items', status: 403 }, from: {} }),
      ];
      const wants: readonly (readonly [string, Omit<EventQuery, 'limit'>, readonly string[]])[] = [
        ['an event’s id', { id: 'deny' }, ['deny']],
        ['a decision’s id', { id: 'decision-2' }, ['allow']],
        ['a trace’s id', { id: 'a'.repeat(32) }, ['deny']],
        ['kinds', { kinds: ['request', 'push'] }, ['allow']],
        ['a tenant', { tenant: 'other' }, ['away']],
        ['a SPIFFE ID', { identity: proved }, ['deny']],
        ['a service account', { identity: 'atelier/web' }, ['deny']],
        ['a workload on either side', { identity: 'atelier/web-0' }, ['allow', 'deny']],
        ['who asked', { from: 'atelier/web-0' }, ['deny']],
        ['the address that asked', { from: '10.9.9.9' }, ['away']],
        ['who was asked', { to: 'atelier/web-0' }, ['allow']],
        ['the service that was dialled', { to: 'shop/cart' }, ['nowhere']],
        ['who asked whom', { from: 'atelier/web', to: 'vault/api-0' }, ['deny']],
        ['a path', { path: '/orders/7' }, ['away', 'deny']],
        ['paths that begin so', { path: '/orders/*' }, ['deep', 'away', 'deny']],
        ['a path that only looks like a pattern', { path: '/orders/_' }, []],
        ['a verdict', { verdict: 'unavailable' }, ['away']],
        ['a time that it is not before', { sinceMs: noonMs + 1_000, kinds: ['denial', 'request'] }, ['allow']],
        ['a time that it is before', { untilMs: noonMs }, []],
        ['several of them at once', { tenant: 'vault', path: '/orders/*', verdict: 'deny' }, ['deep', 'deny']],
        ['what nobody is called', { identity: `' OR 1=1 --` }, []],
      ];

      test('finds by each of what a record can be known by, newest first', async () => {
        const store = await open();
        await store.append(events);
        const found = wants.map(async ([what, query]) => [what, query, await idsOf(store, query)]);
        expect(await Promise.all(found)).toEqual(wants);
      });

      test('behind a cursor goes through everything once, oldest first', async () => {
        const store = await open();
        const start = store.head()?.position ?? 0;
        await store.append(Array.from({ length: 25 }, (_, index) => denial(`e${index}`)));
        const seen: string[] = [];
        let cursor = { [store.replica]: start };
        for (let more = true; more; ) {
          const answer = await store.query({ after: cursor, limit: 10 });
          if (answer.kind === 'failed') throw new Error(answer.message);
          seen.push(...answer.events.map(({ event }) => event.id));
          cursor = { ...answer.cursor };
          more = answer.more;
        }
        expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `e${index}`));
        expect(cursor).toEqual({ [store.replica]: store.head()?.position });
      });

      test('of a cursor that does not name the replica begins at the end', async () => {
        const store = await open();
        await store.append([denial('before')]);
        const answer = await store.query({ after: {}, limit: 10 });
        expect(answer).toMatchObject({ kind: 'events', events: [], more: false });
        await store.append([denial('since')]);
        const cursor = answer.kind === 'events' ? answer.cursor : {};
        expect(await idsOf(store, { after: cursor })).toEqual(['since']);
      });

      test('behind a cursor moves on over what does not match', async () => {
        const store = await open();
        await store.append([denial('a'), denial('b')]);
        const answer = await store.query({ after: { [store.replica]: 0 }, kinds: ['push'], limit: 10 });
        expect(answer).toMatchObject({ events: [], cursor: { [store.replica]: store.head()?.position } });
      });

      test('of fewer than there are says that there are more', async () => {
        const store = await open();
        await store.append([denial('a'), denial('b')]);
        expect(await store.query({ kinds: ['denial'], limit: 1 })).toMatchObject({ more: true });
        expect(await store.query({ kinds: ['denial'], limit: 2 })).toMatchObject({ more: false });
      });
    });

    describe('retention', () => {
      test('takes what its class has outlived, and what it took is an event', async () => {
        const store = await open();
        await store.append([denial('old'), sampled('other-class'), denial('young', { atMs: noonMs + dayMs })]);
        expect(await store.prune({ security: dayMs }, noonMs + dayMs + 1)).toEqual({ kind: 'pruned', records: 1 });
        expect(await idsOf(store)).toEqual(['young', 'other-class']);
        const told = await store.query({ kinds: ['store'], limit: 1 });
        expect(told).toMatchObject({
          events: [{ event: { what: 'pruned', pruned: { class: 'security', beforeMs: noonMs + 1, records: 1 } } }],
        });
      });

      test('that finds nothing writes nothing', async () => {
        const store = await open();
        await store.append([denial('a')]);
        const head = store.head();
        expect(await store.prune({ security: dayMs }, noonMs)).toEqual({ kind: 'pruned', records: 0 });
        expect(store.head()).toEqual(head);
      });

      test('leaves a drill alone of which anything is young, and the state that is no drill’s', async () => {
        const store = await open();
        const at = (atMs: number) => ({ atMs, tenant: 'vault' });
        store.appendDrill('vault/long', 0, '1', at(noonMs));
        store.appendDrill('vault/long', 1, '2', at(noonMs + dayMs));
        store.appendDrill('vault/over', 0, '3', at(noonMs));
        store.appendDrill('lever', 0, '4', at(noonMs));
        await store.prune({ audit: dayMs }, noonMs + dayMs + 1);
        // Of what was taken the place in its stream is left, and none of its text.
        expect(store.drillRecords().map(({ body }) => body)).toEqual(['1', '2', '', '4']);
        expect(store.appendDrill('vault/over', 1, '5', at(noonMs)).kind).toBe('appended');
      });
    });

    test('a clock that runs backwards changes neither order nor cursor', async () => {
      const store = await open();
      await store.append([denial('first', { atMs: noonMs })]);
      await store.append([denial('second', { atMs: noonMs - dayMs })]);
      expect(await idsOf(store)).toEqual(['second', 'first']);
      expect(await idsOf(store, { untilMs: noonMs })).toEqual(['second']);
    });

    test('closed, it answers everything and keeps nothing', async () => {
      const store = await open();
      await store.close();
      await store.close();
      expect(store.blocked()).toContain('closed');
      expect((await store.append([denial('a')])).kind).toBe('blocked');
      expect(store.appendDrill('vault/slow', 0, '1', { atMs: noonMs, tenant: 'vault' }).kind).toBe('failed');
      expect((await store.query({ limit: 1 })).kind).toBe('failed');
    });
  });
}
