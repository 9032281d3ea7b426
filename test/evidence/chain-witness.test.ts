/** What a replica says whose chain of evidence is gone with its volume. */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { headText } from '../../src/evidence/chain/head.ts';
import { ChainWitness } from '../../src/evidence/chain-witness.io.ts';
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { EvidenceStore } from '../../src/evidence/store.ts';
import { MemoryState } from '../admin/quarantine-world.ts';
import { noonMs } from './event-samples.ts';
import { SqliteWorld } from './sqlite/sqlite-world.ts';

const worlds: SqliteWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.remove();
});

function volume(): SqliteWorld {
  const world = new SqliteWorld();
  worlds.push(world);
  return world;
}

/** One life of the replica: what it told of its chain. */
async function live(records: MemoryState, store: EvidenceStore): Promise<readonly EvidenceEvent[]> {
  const told: EvidenceEvent[] = [];
  const witness = new ChainWitness({
    ...{ records, store, tenant: 'coffre-system', failed: () => undefined },
    teller: {
      clock: { nowMs: () => noonMs, setTimer: () => () => undefined },
      newId: () => 'an-id',
      record: (event) => told.push(event),
    },
  });
  await witness.close();
  return told;
}

const loss = { kind: 'loss', id: 'l', atMs: noonMs, tenant: 'shop', where: 'w', count: 1, why: 'y' } as const;

test('FLT-35 a replica that lost its volume tells the gap in its chain once, with the head that was seen last', async () => {
  const records = new MemoryState();
  const before = await volume().open();
  await before.append([{ ...loss, id: 'a' }]);
  expect(await live(records, before)).toEqual([]);
  const head = before.head();
  if (head === undefined) throw new Error('the chain has no head');
  const after = await volume().open();
  const told = await live(records, after);
  expect(told).toMatchObject([{ kind: 'store', what: 'gap', tenant: 'coffre-system' }]);
  expect(told[0]).toHaveProperty('text', expect.stringContaining(headText(head)));
  expect(await live(records, after)).toEqual([]);
});

test('a volume that is an older copy is a gap, too, though the key is the same', async () => {
  const records = new MemoryState();
  const signingKey = generateKeyPairSync('ed25519').privateKey;
  const before = await volume().open({ signingKey });
  await before.append([{ ...loss, id: 'a' }]);
  await live(records, before);
  const copy = await volume().open({ signingKey });
  expect(await live(records, copy)).toMatchObject([{ what: 'gap' }]);
});

test('a chain that went on is no gap, nor is the first start', async () => {
  const records = new MemoryState();
  const world = volume();
  const store = await world.open();
  expect(await live(records, store)).toEqual([]);
  await store.append([{ ...loss, id: 'a' }]);
  await store.close();
  expect(await live(records, await world.open())).toEqual([]);
});
