/** Drills on the chain of evidence: what the store is given, what the engine reads again, and what is left of a name. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DrillRunner } from '../../src/chaos/runner.io.ts';
import { chainJournal } from '../../src/compose/drill-journal.ts';
import { type PersonSeal, personSeal } from '../../src/evidence/people/person-seal.ts';
import type { DrillAbout, DrillAppendAnswer, StoredDrill } from '../../src/evidence/store.ts';
import { ana, bob, DrillWorld, owner } from '../chaos/drill-world.ts';
import { SqliteWorld } from '../evidence/sqlite/sqlite-world.ts';

/** Keeps bodies as the store does, and nothing else of it. */
class FakeStore {
  readonly kept: (StoredDrill & { readonly about: DrillAbout })[] = [];
  trouble: string | undefined;

  appendDrill(stream: string, after: number, body: string, about: DrillAbout): DrillAppendAnswer {
    if (this.trouble !== undefined) return { kind: 'failed', message: this.trouble };
    const head = this.kept.findLast((record) => record.stream === stream)?.sequence ?? 0;
    if (head !== after) return { kind: 'conflict', message: 'somebody wrote meanwhile' };
    this.kept.push({ position: 10 * (this.kept.length + 1), stream, sequence: after + 1, epoch: 1, body, about });
    return { kind: 'appended', sequence: after + 1 };
  }

  drillRecords(): readonly StoredDrill[] {
    return this.kept;
  }

  blocked(): string | undefined {
    return this.trouble;
  }

  probe(): string | undefined {
    return this.trouble;
  }
}

/** A tenant's key is its name, until it is destroyed. */
class FakeSeal implements PersonSeal {
  readonly destroyed = new Set<string>();
  /** No two tokens are alike. */
  #sealed = 0;

  seal(tenant: string, name: string): string {
    this.#sealed += 1;
    return `p:${pseudonym}:${Buffer.from(`${tenant} ${name} ${this.#sealed}`).toString('base64url')}`;
  }

  reveal(tenant: string, token: string): string {
    if (!token.startsWith('p:')) return token;
    const [keyOf, name] = Buffer.from(token.split(':')[2] ?? '', 'base64url')
      .toString()
      .split(' ');
    return this.destroyed.has(tenant) || keyOf !== tenant ? `p:${pseudonym}` : (name ?? '');
  }
}

const pseudonym = '0123456789ab';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coffre-drills-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A drill that ana started and bob halted, and the lever that zoe pulled after it. */
async function drilled() {
  const [store, seal] = [new FakeStore(), new FakeSeal()];
  const world = new DrillWorld({}, chainJournal(store, seal, folder));
  await world.run();
  await world.runner.halt('atelier/trip', bob, 'bob sees errors');
  await world.pass(20_000);
  await world.runner.haltAll({ ...owner, name: 'zoe' }, 'zoe goes home');
  return { store, seal, world };
}

describe('a drill that was written to the chain', () => {
  test('is read again as it was, people among it', async () => {
    const { store, seal, world } = await drilled();
    const again = new DrillRunner(world.ports({ journal: chainJournal(store, seal, folder) }));
    const shown = again.show('atelier/trip', owner);
    expect(shown).toEqual({ kind: 'ok', value: expect.objectContaining({ startedBy: 'ana', haltedBy: 'bob' }) });
    expect(shown.kind === 'ok' && shown.value.timeline).toEqual(world.view().timeline);
  });

  test('holds nobody’s name, and belongs to the tenant of the drill, at its moment', async () => {
    const { store, world } = await drilled();
    expect(store.kept.length).toBeGreaterThan(5);
    for (const { body } of store.kept) expect(body).not.toMatch(/\b(?:ana|bob|zoe)\b/);
    expect(new Set(store.kept.map(({ stream, about }) => `${stream} ${about.tenant}`))).toEqual(
      new Set(['atelier/trip atelier', 'lever coffre-system']),
    );
    expect(store.kept[0]?.about.atMs).toBe(world.view().timeline[0]?.atMs);
  });

  test('tells a pseudonym once the key of its tenant is destroyed, and who pulled the lever still', async () => {
    const { store, seal, world } = await drilled();
    seal.destroyed.add('atelier');
    const again = new DrillRunner(world.ports({ journal: chainJournal(store, seal, folder) }));
    expect(again.show('atelier/trip', owner)).toMatchObject({
      value: { startedBy: `p:${pseudonym}`, haltedBy: `p:${pseudonym}`, reason: expect.stringContaining('`p:012') },
    });
    expect(JSON.stringify(again.show('atelier/trip', owner))).not.toMatch(/\b(?:ana|bob)\b/);
    const plan = await again.plan('atelier/trip', ana);
    const start = plan.kind === 'ok' ? await again.start('atelier/trip', plan.value.hash, ana) : plan;
    expect(start).toMatchObject({ kind: 'refused', message: expect.stringContaining('`zoe`: zoe goes home') });
  });

  test('leaves out the owner of the state folder, who is no person to forget', async () => {
    const store = new FakeStore();
    const world = new DrillWorld({}, chainJournal(store, new FakeSeal(), folder));
    await world.runner.haltAll(owner, 'enough');
    expect(JSON.parse(store.kept[0]?.body ?? '')).toMatchObject({ by: 'owner', reason: 'enough' });
  });
});

test('an approval by somebody whose name is gone approves nothing: it may be the one who starts', async () => {
  const [store, seal] = [new FakeStore(), new FakeSeal()];
  const world = new DrillWorld({ percent: 100 }, chainJournal(store, seal, folder));
  const plan = await world.runner.plan('atelier/trip', ana);
  const hash = plan.kind === 'ok' ? plan.value.hash : '';
  await world.runner.approve('atelier/trip', hash, ana);
  seal.destroyed.add('atelier');
  const again = new DrillRunner(world.ports({ journal: chainJournal(store, seal, folder) }));
  expect(await again.start('atelier/trip', hash, ana)).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('whose name is gone'),
  });
});

test('a store that takes nothing lets no drill begin, and says why', async () => {
  const store = new FakeStore();
  const journal = chainJournal(store, new FakeSeal(), folder);
  store.trouble = 'no space';
  expect([journal.blocked(), journal.probe()]).toEqual(['no space', 'no space']);
  expect(journal.append('a/b', 0, '{"atMs":1}')).toEqual({ kind: 'failed', message: 'no space' });
});

test('a name that cannot be sealed is not written at all, and nothing is thrown', async () => {
  const store = new FakeStore();
  const seal = {
    seal: () => {
      throw new Error('no space for its key');
    },
    reveal: () => '',
  };
  const world = new DrillWorld({}, chainJournal(store, seal, folder));
  expect(await world.runner.haltAll({ ...owner, name: 'zoe' }, '')).toMatchObject({
    kind: 'store',
    message: expect.stringContaining('no space for its key'),
  });
  expect(store.kept).toEqual([]);
});

test('what is tried again is the same text, as the store may have kept the first without knowing', () => {
  const [store, seal] = [new FakeStore(), new FakeSeal()];
  const tried: string[] = [];
  const journal = chainJournal(
    {
      drillRecords: () => [],
      blocked: () => undefined,
      probe: () => undefined,
      appendDrill(stream, after, body, about) {
        tried.push(body);
        return store.appendDrill(stream, after, body, about);
      },
    },
    seal,
    folder,
  );
  const body = (by: string) => JSON.stringify({ atMs: 1, events: [{ kind: 'approved', by }] });
  store.trouble = 'no answer';
  journal.append('a/b', 0, body('ana'));
  journal.append('a/b', 0, body('ana'));
  journal.append('a/b', 0, body('bob'));
  store.trouble = undefined;
  journal.append('a/b', 0, body('bob'));
  journal.append('a/b', 1, body('bob'));
  const [first, again, other, kept, next] = tried;
  expect([first === again, again === other, other === kept, kept === next]).toEqual([true, false, true, false]);
});

describe('on a real store', () => {
  const keys = new Map<string, Uint8Array>();
  const seal = personSeal({
    keys: {
      keyFor: (tenant) => keys.get(tenant) ?? keys.set(tenant, randomBytes(32)).get(tenant) ?? new Uint8Array(),
      keyOf: (tenant) => keys.get(tenant),
    },
    entropy: { bytes: randomBytes },
  });
  let here: SqliteWorld;
  beforeEach(() => {
    here = new SqliteWorld();
  });
  afterEach(() => here.remove());

  test('a drill is read again after the store was opened anew, and whoever had it open before writes no more', async () => {
    const store = await here.open();
    const world = new DrillWorld({}, chainJournal(store, seal, folder));
    await world.run();
    const younger = chainJournal(await here.open({ clock: world.clock }), seal, folder);
    const again = new DrillRunner(world.ports({ journal: younger }));
    expect(again.show('atelier/trip', owner)).toMatchObject({ value: { startedBy: 'ana', phase: 'aborting' } });
    await world.pass(2_000);
    expect(world.view().reason).toContain('journal cannot be written');
    expect(world.struck()).toEqual([]);
    expect(JSON.stringify(store.drillRecords())).not.toContain('"ana"');
  });

  test('a drill that was taken away for its age can be run again', async () => {
    const store = await here.open();
    const world = new DrillWorld({}, chainJournal(store, seal, folder));
    await world.run();
    await world.runner.halt('atelier/trip', ana, '');
    await world.pass(20_000);
    expect((await store.prune({ audit: 1 }, Date.parse('2028-01-01'))).kind).toBe('pruned');
    await store.close();
    const next = new DrillWorld({}, chainJournal(await here.open(), seal, folder));
    expect(next.runner.list(owner)).toMatchObject([{ phase: 'declared' }]);
    await next.run();
    expect(next.view()).toMatchObject({ phase: 'running', startedBy: 'ana' });
  });
});

test('of a drill that was taken away for its age the next run goes behind it', async () => {
  const store = new FakeStore();
  const about = { atMs: 1, tenant: 'atelier' };
  store.kept.push({ position: 1, stream: 'atelier/trip', sequence: 41, epoch: 1, body: '', about });
  const world = new DrillWorld({}, chainJournal(store, new FakeSeal(), folder));
  expect(world.runner.list(owner)).toMatchObject([{ phase: 'declared' }]);
  await world.run();
  expect(store.kept[1]).toMatchObject({ stream: 'atelier/trip', sequence: 42 });
});

test('a journal that was closed writes no more, and its store lives on', () => {
  const store = new FakeStore();
  const journal = chainJournal(store, new FakeSeal(), folder);
  journal.close();
  expect(journal.append('a/b', 0, '{"atMs":1}').kind).toBe('failed');
  expect(journal.probe()).toContain('closed');
  expect(store.kept).toEqual([]);
});

test('the file of a former journal is told of once, and of none nothing is', () => {
  const journal = () => chainJournal(new FakeStore(), new FakeSeal(), folder);
  expect(journal().findings).toEqual([]);
  mkdirSync(join(folder, 'drills'));
  writeFileSync(join(folder, 'drills', 'drills.db'), '');
  expect(journal().findings).toEqual([expect.stringContaining('no longer read')]);
});
