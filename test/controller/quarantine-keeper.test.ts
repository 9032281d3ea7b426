/** Quarantines of replicas that share one record. */
import { expect, test } from 'vitest';
import { QuarantineKeeper, type QuarantineKeeperPorts } from '../../src/controller/quarantine-keeper.io.ts';
import type { Quarantine } from '../../src/model/quarantine.ts';

const sinceMs = Date.parse('2026-11-20T10:00:00Z');

/** One record and its revisions, as an API server keeps it. */
class SharedRecord {
  text: string | undefined;
  revision = 0;
  isDown = false;

  handle(): QuarantineKeeperPorts['state'] {
    let read = -1;
    return {
      read: async () => {
        if (this.isDown) throw new Error('down');
        read = this.text === undefined ? -1 : this.revision;
        return this.text === undefined ? undefined : JSON.parse(this.text);
      },
      replace: async (_name, record) => {
        if (this.isDown) throw new Error('down');
        if ((this.text === undefined ? -1 : this.revision) !== read) return false;
        this.text = JSON.stringify(record);
        this.revision += 1;
        read = this.revision;
        return true;
      },
    };
  }
}

class Replica {
  nowMs = sinceMs;
  changes = 0;
  readonly ended: string[] = [];
  readonly state: QuarantineKeeperPorts['state'];
  keeper: QuarantineKeeper | undefined;

  constructor(state: QuarantineKeeperPorts['state']) {
    this.state = state;
  }

  async open(): Promise<QuarantineKeeper> {
    this.keeper = await QuarantineKeeper.open({
      state: this.state,
      nowMs: () => this.nowMs,
      changed: () => {
        this.changes += 1;
      },
      ended: ({ spiffeId }) => this.ended.push(spiffeId),
      unwritten: () => undefined,
    });
    return this.keeper;
  }
}

async function replicas() {
  const record = new SharedRecord();
  const [one, other] = [new Replica(record.handle()), new Replica(record.handle())];
  return { record, one, other, keepers: [await one.open(), await other.open()] as const };
}

function quarantine(name: string, forMs = 60_000): Quarantine {
  const spiffeId = `spiffe://mesh.example/ns/shop/sa/${name}`;
  return { spiffeId, tenant: 'shop', reason: 'r', by: 'ada', sinceMs, untilMs: sinceMs + forMs };
}

const namesOf = (keeper: QuarantineKeeper) =>
  keeper
    .standing()
    .map(({ spiffeId }) => spiffeId.slice(spiffeId.lastIndexOf('/') + 1))
    .toSorted();

test('what two replicas begin in the same moment stands at both', async () => {
  const { keepers } = await replicas();
  const steps = await Promise.all(keepers.map((keeper, index) => keeper.begin(quarantine(`sa-${index}`))));
  expect(steps).toMatchObject([
    { kind: 'begun', unwritten: false },
    { kind: 'begun', unwritten: false },
  ]);
  for (const keeper of keepers) {
    await keeper.refresh();
    expect(namesOf(keeper)).toEqual(['sa-0', 'sa-1']);
  }
});

test('what another replica began is in force when its record is read, and that is news', async () => {
  const { one, other, keepers } = await replicas();
  await keepers[0].begin(quarantine('cart'));
  expect(one.changes).toBe(1);
  await keepers[1].refresh();
  expect(namesOf(keepers[1])).toEqual(['cart']);
  expect(other.changes).toBe(1);
  await keepers[1].refresh();
  expect(other.changes).toBe(1);
});

test('a release at one replica does not bring back what another released, nor end what another began', async () => {
  const { keepers } = await replicas();
  for (const name of ['cart', 'till', 'web']) await keepers[0].begin(quarantine(name));
  await keepers[1].refresh();
  const ids = ['cart', 'till'].map((name) => quarantine(name).spiffeId);
  const released = await Promise.all(keepers.map((keeper, index) => keeper.release(ids[index] ?? '')));
  expect(released).toMatchObject([{ kind: 'released' }, { kind: 'released' }]);
  for (const keeper of keepers) {
    await keeper.refresh();
    expect(namesOf(keeper)).toEqual(['web']);
  }
});

test('what could not be written stands here, and is written with what comes next', async () => {
  const { record, keepers } = await replicas();
  record.isDown = true;
  expect(await keepers[0].begin(quarantine('cart'))).toMatchObject({ kind: 'begun', unwritten: true });
  record.isDown = false;
  await keepers[1].begin(quarantine('web'));
  await keepers[0].refresh();
  expect(namesOf(keepers[0])).toEqual(['cart', 'web']);
  await keepers[1].refresh();
  expect(namesOf(keepers[1])).toEqual(['cart', 'web']);
});

test('the end of one is told once, whichever replica sees it first', async () => {
  const { one, other, keepers } = await replicas();
  await keepers[0].begin(quarantine('cart', 1_000));
  await keepers[1].refresh();
  for (const replica of [one, other]) replica.nowMs += 1_000;
  expect(keepers.map(namesOf)).toEqual([[], []]);
  for (const keeper of keepers) await keeper.refresh();
  expect([...one.ended, ...other.ended]).toEqual([quarantine('cart').spiffeId]);
});

test('a record that somebody took away ends nothing: it is written back', async () => {
  const { record, keepers } = await replicas();
  await keepers[0].begin(quarantine('cart'));
  await keepers[1].refresh();
  record.text = undefined;
  for (const keeper of keepers) await keeper.refresh();
  expect(keepers.map(namesOf)).toEqual([['cart'], ['cart']]);
  const later = await new Replica(record.handle()).open();
  expect(namesOf(later)).toEqual(['cart']);
});

test('a record that cannot be read leaves in force what was', async () => {
  const { record, keepers } = await replicas();
  await keepers[0].begin(quarantine('cart'));
  record.isDown = true;
  await expect(keepers[0].refresh()).rejects.toThrow('down');
  expect(namesOf(keepers[0])).toEqual(['cart']);
});
