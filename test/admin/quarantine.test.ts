/** Who may be cut off, by whom, on whose word, and for how long: every refusal says what to do. */
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../src/admin/methods.ts';
import type { Scope } from '../../src/admin/person.ts';
import { answerQuarantineCall, type QuarantineReply } from '../../src/admin/quarantine.ts';
import type { QuarantineCall } from '../../src/admin/quarantine-requests.ts';
import { alarmAgeMaxMs, quarantinesMax } from '../../src/controller/quarantine-book.ts';
import { quarantineDefaultMs, quarantineMaxMs } from '../../src/model/quarantine.ts';
import { sampleEvents } from '../evidence/event-of-each-kind.ts';
import { meshFrom, trustDomain } from '../fixtures/mesh-from.ts';
import { atelier, notaire, twoTenants } from '../fixtures/two-tenants.ts';
import { MemoryState, type QuarantineWorld, quarantineWorld } from './quarantine-world.ts';

const nowMs = Date.UTC(2027, 0, 1, 12);
const wholeMesh: Scope = { kind: 'mesh' };
const edr: Caller = { kind: 'person', person: { trustDomain, role: 'responder', scope: wholeMesh, name: 'edr' } };
const ofNotaire: Scope = { kind: 'tenant', tenant: 'notaire' };
const mesh = meshFrom(twoTenants);
const alarm = { alarm: 'edr-17', at: new Date(nowMs).toISOString(), reason: 'malware' };

function ask(world: QuarantineWorld, call: QuarantineCall, body: unknown, scope = wholeMesh): Promise<QuarantineReply> {
  return answerQuarantineCall(world.desk, call, edr, scope, body);
}

const standing = (world: QuarantineWorld) => world.desk.keeper.standing().map(({ spiffeId }) => spiffeId);

test.each([
  ['a pod', 'atelier/web-1'],
  ['a service account', 'atelier/web'],
  ['a SPIFFE ID', atelier.web],
])('%s names the identity that is cut off', async (_, workload) => {
  const world = await quarantineWorld(mesh, nowMs);
  const reply = await ask(world, 'quarantine', { workload, reason: 'malware' });
  const quarantine = {
    ...{ spiffeId: atelier.web, tenant: 'atelier', reason: 'malware', by: 'edr' },
    ...{ sinceMs: nowMs, untilMs: nowMs + quarantineDefaultMs },
  };
  expect(reply).toEqual({ kind: 'ok', value: { quarantine, begun: true } });
  expect(world.changes).toBe(1);
  expect(world.told).toEqual([{ ...quarantine, act: 'begun' }]);
});

test.each([
  [
    'an identity of no workload',
    'quarantine',
    { workload: 'atelier/ghost', reason: 'r' },
    'not-found',
    'coffre status',
  ],
  ['an end that is past', 'quarantine', { workload: 'atelier/web', reason: 'r', untilMs: nowMs }, 'refused', 'later'],
  [
    'an end that is too far',
    'quarantine',
    { workload: 'atelier/web', reason: 'r', untilMs: nowMs + quarantineMaxMs + 1 },
    'refused',
    'taken out of the mesh',
  ],
  ['no reason', 'quarantine', { workload: 'atelier/web' }, 'bad-request', ''],
  ['a field too many', 'quarantine', { workload: 'atelier/web', reason: 'r', for: '1h' }, 'bad-request', ''],
  ['an alarm that names nobody', 'quarantineAlarm', alarm, 'refused', 'workload'],
  [
    'an alarm of no moment',
    'quarantineAlarm',
    { ...alarm, workload: 'atelier/web', at: '2027-13-01T00:00:00Z' },
    'refused',
    'RFC 3339',
  ],
  [
    'an alarm that is old',
    'quarantineAlarm',
    { ...alarm, workload: 'atelier/web', at: new Date(nowMs - alarmAgeMaxMs - 1).toISOString() },
    'refused',
    'clocks',
  ],
  [
    'an alarm that is to come',
    'quarantineAlarm',
    { ...alarm, workload: 'atelier/web', at: new Date(nowMs + alarmAgeMaxMs + 1).toISOString() },
    'refused',
    'clocks',
  ],
  ['an alarm on an event that nobody kept', 'quarantineAlarm', { ...alarm, event: 'none' }, 'refused', 'coffre events'],
  ['a release of whom nobody cut off', 'quarantineRelease', { workload: 'atelier/web' }, 'not-found', '--list'],
] as const)('%s is refused with what to do', async (_, call, body, kind, advice) => {
  const world = await quarantineWorld(mesh, nowMs);
  const reply = await ask(world, call, body);
  expect(reply).toMatchObject({ kind, advice: expect.stringContaining(advice) });
  expect(standing(world)).toEqual([]);
  expect(world.changes).toBe(0);
  const isTold = kind !== 'bad-request' && call !== 'quarantineRelease';
  expect(world.told.map(({ act }) => act)).toEqual(isTold ? ['refused'] : []);
});

describe('an alarm', () => {
  const { denial } = sampleEvents;

  test('said twice cuts off once, and prolongs nothing', async () => {
    const world = await quarantineWorld(mesh, nowMs);
    const body = { ...alarm, workload: 'atelier/web', minutes: 60 };
    await ask(world, 'quarantineAlarm', body);
    world.nowMs += 60_000;
    const again = await ask(world, 'quarantineAlarm', body);
    expect(again).toMatchObject({ kind: 'ok', value: { begun: false, quarantine: { untilMs: nowMs + 3_600_000 } } });
    expect(world.told.map(({ act }) => act)).toEqual(['begun']);
  });

  test('said again after a release cuts off nobody, while it is young nor when it is old', async () => {
    const world = await quarantineWorld(mesh, nowMs);
    const body = { ...alarm, workload: 'atelier/web' };
    await ask(world, 'quarantineAlarm', body);
    await ask(world, 'quarantineRelease', { workload: 'atelier/web' });
    for (const laterMs of [1_000, alarmAgeMaxMs, alarmAgeMaxMs + 1, 10 * alarmAgeMaxMs]) {
      world.nowMs = nowMs + laterMs;
      await ask(world, 'quarantineAlarm', body);
      expect(standing(world)).toEqual([]);
    }
  });

  test('about whom is cut off already begins nothing, nor when it is said again after a restart and a release', async () => {
    const world = await quarantineWorld(mesh, nowMs);
    const second = { ...alarm, alarm: 'edr-18', workload: 'atelier/web' };
    await ask(world, 'quarantineAlarm', { ...alarm, workload: 'atelier/web' });
    const { changes } = world;
    expect(await ask(world, 'quarantineAlarm', second)).toMatchObject({ kind: 'ok', value: { begun: false } });
    expect([world.changes, world.told.length]).toEqual([changes, 1]);
    const restarted = await quarantineWorld(mesh, nowMs, world.state);
    await ask(restarted, 'quarantineRelease', { workload: 'atelier/web' });
    expect(restarted.changes).toBe(1);
    expect(await ask(restarted, 'quarantineAlarm', second)).toEqual({ kind: 'ok', value: { begun: false } });
    expect(standing(restarted)).toEqual([]);
  });

  test('of another sender is another alarm, and so is another name', async () => {
    const world = await quarantineWorld(mesh, nowMs);
    await ask(world, 'quarantineAlarm', { ...alarm, workload: 'atelier/web' });
    await ask(world, 'quarantineRelease', { workload: 'atelier/web' });
    await ask(world, 'quarantineAlarm', { ...alarm, alarm: 'edr-18', workload: 'atelier/web' });
    expect(standing(world)).toEqual([atelier.web]);
  });

  test('on an event cuts off whom its handshake proved', async () => {
    const world = await quarantineWorld(mesh, nowMs);
    world.events.set('e1', [{ ...denial, from: { identity: atelier.web } }]);
    await ask(world, 'quarantineAlarm', { ...alarm, event: 'e1' });
    expect(standing(world)).toEqual([atelier.web]);
  });

  test.each([
    ['alone', {}],
    ['beside the workload that it would be', { workload: atelier.web }],
  ])('on an event with a claimed identity, %s, cuts off nobody', async (_, more) => {
    const world = await quarantineWorld(mesh, nowMs);
    world.events.set('e1', [{ ...denial, from: { claimed: atelier.web, address: '10.0.0.9:1' } }]);
    const reply = await ask(world, 'quarantineAlarm', { ...alarm, event: 'e1', ...more });
    expect(reply).toMatchObject({ kind: 'refused', message: expect.stringContaining('only claimed') });
    expect(standing(world)).toEqual([]);
  });

  test('on an event of somebody else cuts off nobody', async () => {
    const world = await quarantineWorld(mesh, nowMs);
    world.events.set('e1', [{ ...denial, from: { identity: atelier.api } }]);
    expect(await ask(world, 'quarantineAlarm', { ...alarm, event: 'e1', workload: atelier.web })).toMatchObject({
      kind: 'refused',
    });
    expect(standing(world)).toEqual([]);
  });
});

test('whoever speaks for one tenant cuts off, sees and releases nobody of another', async () => {
  const world = await quarantineWorld(mesh, nowMs);
  const body = { workload: atelier.web, reason: 'r' };
  expect(await ask(world, 'quarantine', body, ofNotaire)).toMatchObject({ kind: 'not-found' });
  await ask(world, 'quarantine', body);
  await ask(world, 'quarantine', { workload: notaire.web, reason: 'r' }, ofNotaire);
  expect(await ask(world, 'quarantineRelease', { workload: atelier.web }, ofNotaire)).toMatchObject({
    kind: 'not-found',
  });
  expect(await ask(world, 'quarantines', {}, ofNotaire)).toMatchObject({ value: [{ spiffeId: notaire.web }] });
  expect(standing(world).toSorted()).toEqual([atelier.web, notaire.web]);
});

test('it stands over a restart, ends at its end, and that is told once', async () => {
  const before = await quarantineWorld(mesh, nowMs);
  await ask(before, 'quarantine', { workload: atelier.web, reason: 'r' });
  const after = await quarantineWorld(mesh, nowMs + quarantineDefaultMs - 1, before.state);
  expect(standing(after)).toEqual([atelier.web]);
  after.nowMs += 1;
  expect(standing(after)).toEqual([]);
  expect(standing(after)).toEqual([]);
  await expect.poll(() => after.told.map(({ act }) => act)).toEqual(['ended']);
});

test('a book that is full of what is over takes one more', async () => {
  const world = await quarantineWorld(mesh, nowMs);
  const { keeper } = world.desk;
  const untilMs = nowMs + 1;
  for (let index = 0; index < quarantinesMax; index += 1) {
    const each = {
      spiffeId: `${atelier.web}-${index}`,
      tenant: 'atelier',
      reason: 'r',
      by: 'ada',
      sinceMs: nowMs,
      untilMs,
    };
    expect((await keeper.begin(each)).kind).toBe('begun');
  }
  expect(await ask(world, 'quarantine', { workload: atelier.web, reason: 'r' })).toMatchObject({ kind: 'refused' });
  world.nowMs = untilMs;
  expect(await ask(world, 'quarantine', { workload: atelier.web, reason: 'r' })).toMatchObject({ kind: 'ok' });
});

test('on a full disk one begins and says so, and none is released', async () => {
  const world = await quarantineWorld(mesh, nowMs, new MemoryState());
  world.state.full = true;
  const begun = await ask(world, 'quarantine', { workload: atelier.web, reason: 'r' });
  expect(begun).toMatchObject({ kind: 'ok', value: { begun: true, unwritten: true } });
  expect(await ask(world, 'quarantineRelease', { workload: atelier.web })).toMatchObject({ kind: 'store' });
  expect(standing(world)).toEqual([atelier.web]);
  world.state.full = false;
  expect(await ask(world, 'quarantineRelease', { workload: atelier.web })).toMatchObject({ kind: 'ok' });
  expect(standing(world)).toEqual([]);
});
