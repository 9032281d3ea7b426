/** Several control planes on one store, at once. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Cursor, EvidenceStore, StoredEvent } from '../../../src/evidence/store.ts';
import { postgresBinaries } from '../../../src/lab/postgres.ts';
import { denial, noonMs, sampled } from '../event-samples.ts';
import { PostgresServer } from './postgres-server.ts';
import { PostgresWorld } from './postgres-world.ts';

const about = { atMs: noonMs, tenant: 'vault' };

describe.skipIf(postgresBinaries() === undefined)(
  'replicas on one store (skipped where there is no PostgreSQL)',
  () => {
    let server: PostgresServer;
    let world: PostgresWorld;

    beforeAll(async () => {
      server = await PostgresServer.start();
    });
    beforeEach(async () => {
      world = await PostgresWorld.make(server);
    });
    afterEach(() => world.remove());
    afterAll(() => server.remove());

    function openBoth(): Promise<readonly [EvidenceStore, EvidenceStore]> {
      return Promise.all([world.open({ replica: 'east' }), world.open({ replica: 'west' })]);
    }

    test('that start together on an empty database make its tables once', async () => {
      const stores = await Promise.all(['a', 'b', 'c', 'd'].map((replica) => world.open({ replica })));
      expect(stores.map((store) => store.blocked())).toEqual([undefined, undefined, undefined, undefined]);
      const answers = await Promise.all(stores.map((store) => store.append([denial(`of-${store.replica}`)])));
      expect(answers.map(({ kind }) => kind)).toEqual(['kept', 'kept', 'kept', 'kept']);
    });

    test('keep each event once, whoever told it, each in an unbroken chain, and lose none', async () => {
      const [east, west] = await openBoth();
      const batch = fc.record({
        isEast: fc.boolean(),
        ids: fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 6 }),
      });
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (batches) => {
          run += 1;
          const appends = batches.map(async ({ isEast, ids }) => {
            const answer = await (isEast ? east : west).append(ids.map((id) => denial(`run${run}-${id}`)));
            expect(answer.kind).toBe('kept');
            return answer.kind === 'kept' ? ids.length - answer.skipped : 0;
          });
          const added = (await Promise.all(appends)).reduce((sum, count) => sum + count, 0);
          const told = new Set(batches.flatMap(({ ids }) => ids));
          const rows = await world.tamper(`SELECT id FROM coffre.record WHERE id LIKE 'run${run}-%'`);
          expect([rows.length, added]).toEqual([told.size, told.size]);
        }),
        { numRuns: 25, seed: Number(process.env['COFFRE_SEED']) },
      );
      for (const { replica } of [east, west]) expect((await world.verify(replica)).findings).toEqual([]);
    });

    test('append to one drill in turn, and of two at once one wins', async () => {
      const [east, west] = await openBoth();
      expect(east.appendDrill('vault/slow', 0, '1', about)).toEqual({ kind: 'appended', sequence: 1 });
      expect(west.appendDrill('vault/slow', 0, '2', about).kind).toBe('conflict');
      expect(west.appendDrill('vault/slow', 1, '2', about)).toEqual({ kind: 'appended', sequence: 2 });
      expect(east.appendDrill('vault/slow', 1, '3', about).kind).toBe('conflict');
      const third = await world.open({ replica: 'north' });
      expect(third.drillRecords().map(({ body }) => body)).toEqual(['1', '2']);
    });

    test('are told of each other’s events, in the order in which they were kept', async () => {
      const [east, west] = await openBoth();
      for (const [at, store] of [east, west, west, east].entries()) await store.append([denial(`e${at}`)]);
      const answer = await west.query({ kinds: ['denial'], limit: 10 });
      const events = answer.kind === 'events' ? answer.events : [];
      expect(events.map(({ replica, event }) => `${event.id} ${replica}`)).toEqual([
        'e3 east',
        'e2 west',
        'e1 west',
        'e0 east',
      ]);
    });

    test('are followed by one cursor each, through everything once, whatever the limit', async () => {
      const [east, west] = await openBoth();
      const start = await east.query({ limit: 1 });
      let cursor: Cursor = start.kind === 'events' ? start.cursor : {};
      for (let at = 0; at < 12; at += 1) {
        await (at % 3 === 0 ? east : west).append([denial(`d${at}`), sampled(`s${at}`)]);
      }
      const seen: StoredEvent[] = [];
      for (let more = true; more; ) {
        const answer = await east.query({ after: cursor, kinds: ['denial'], limit: 5 });
        if (answer.kind === 'failed') throw new Error(answer.message);
        seen.push(...answer.events);
        ({ cursor, more } = answer);
      }
      expect(seen.map(({ event }) => event.id)).toEqual(Array.from({ length: 12 }, (_, at) => `d${at}`));
      expect(cursor).toEqual({ east: east.head()?.position, west: west.head()?.position });
    });

    test('do not fence each other off', async () => {
      const [east, west] = await openBoth();
      await world.open({ replica: 'west' });
      expect([east.blocked(), west.blocked()]).toEqual([undefined, expect.stringContaining('another control plane')]);
    });

    test('prune their own chain alone', async () => {
      const [east, west] = await openBoth();
      await east.append([denial('of-east')]);
      await west.append([denial('of-west')]);
      expect(await east.prune({ security: 0 }, noonMs + 1)).toEqual({ kind: 'pruned', records: 1 });
      const answer = await east.query({ kinds: ['denial'], limit: 10 });
      expect(answer).toMatchObject({ events: [{ event: { id: 'of-west' } }] });
    });

    test('one with another’s name and a key of its own is refused', async () => {
      const east = await world.open({ replica: 'east' });
      const stranger = await world.open({ replica: 'east', signingKey: world.keyOf('stranger') });
      expect(stranger.blocked()).toContain('signed with another key');
      expect(east.blocked()).toBeUndefined();
      expect((await east.append([denial('a')])).kind).toBe('kept');
    });

    test('a path that is forged with NUL and half a character is found all the same', async () => {
      const store = await world.open();
      const path = '/\u0000\ud800\\u0000/x';
      const request = { host: 'h', method: 'GET', path, status: 403 };
      const long = { host: 'h', method: 'GET', path: `/${'\u{1f512}'.repeat(1_023)}`, status: 403 };
      expect(await store.append([denial('forged', { request }), denial('long', { request: long })])).toMatchObject({
        kind: 'kept',
      });
      const idsBy = async (query: { readonly path?: string; readonly from?: string }) => {
        const answer = await store.query({ ...query, limit: 10 });
        return answer.kind === 'events' ? answer.events.map(({ event }) => event.id) : answer.message;
      };
      expect(await idsBy({ path })).toEqual(['forged']);
      expect(await idsBy({ path: '/\u0000*' })).toEqual(['forged']);
      expect(await idsBy({ from: 'atelier/web-0' })).toEqual(['long', 'forged']);
      expect(await idsBy({ path: long.path })).toEqual(['long']);
      expect(await idsBy({ path: `${long.path}x` })).toEqual([]);
      expect(await idsBy({ path: `${long.path.slice(0, 1_501)}*` })).toEqual(['long']);
    });
  },
);
