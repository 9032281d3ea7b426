/** Whom a rotation waits for, and that it moves when, and only when, all of them have accepted what was published. */
import { describe, expect, test } from 'vitest';
import { holdoutsOf, silenceMs } from '../../src/controller/rotation-holdouts.ts';
import {
  type PublishedTrust,
  type ReplicaTrust,
  type RotationEvent,
  Rotations,
  stepName,
} from '../../src/controller/rotations.ts';
import type { RotationStatus } from '../../src/identity/authority.ts';
import type { ClientStatus, TypeStatus } from '../../src/xds/client-status.ts';
import { typeUrls } from '../../src/xds/type-url.ts';

const web = 'atelier/web-1';
const leafLifetimeMs = 1_000_000;

function stream(state: TypeStatus['state'] | 'silent', openedAtMs = 0): ClientStatus {
  const nack = state === 'NACKED' ? { nack: { nonce: '1', version: 'v', code: 3, message: 'bad PEM' } } : {};
  const secrets = {
    typeUrl: typeUrls.secret,
    wildcard: false,
    names: 3,
    asked: new Set<string>(),
    sentVersion: 'v',
    ackedVersion: 'v',
  };
  return {
    stream: 1,
    protocol: 'delta',
    key: web,
    nodeId: web,
    address: '10.0.0.1',
    openedAtMs,
    takesTtl: true,
    types: state === 'silent' ? [] : [{ ...secrets, state, ...nack }],
  };
}

describe('a proxy that was told of the CA holds a step back', () => {
  const rows: readonly [string, readonly ClientStatus[], string][] = [
    ['while no stream of it is open', [], 'away'],
    ['while it has not answered', [stream('STALE')], 'unanswered'],
    ['while it refuses', [stream('NACKED')], 'refused'],
    ['not once it has accepted', [stream('SYNCED')], 'nothing'],
    ['not if it asked for what does not exist', [stream('NOT_SENT')], 'nothing'],
    ['while its new stream has not had time to ask', [stream('silent', 10_000 - silenceMs + 1)], 'unanswered'],
    ['not if it never asks for a secret', [stream('silent', 10_000 - silenceMs)], 'nothing'],
    ['while one of its two streams has not answered', [stream('SYNCED'), stream('STALE')], 'unanswered'],
  ];
  test.each(rows)('%s', (_when, clients, why) => {
    expect(holdoutsOf([web], [], new Set(), clients, 10_000)[0]?.why.kind ?? 'nothing').toBe(why);
  });

  test('one that was not told of it holds nothing back, and one that could not be told anything does', () => {
    expect(holdoutsOf([], [], new Set(), [stream('STALE')], 0)).toEqual([]);
    expect(holdoutsOf([], [web], new Set(), [stream('SYNCED')], 0)).toEqual([
      { workload: web, why: { kind: 'untold' } },
    ]);
  });
});

/** An authority that only counts its steps. */
class World {
  rotation: RotationStatus = {
    tenant: 'atelier',
    step: 'trusted',
    sinceMs: 0,
    aborted: false,
    leaving: 'AA',
    staying: 'BB',
  };
  clients: readonly ClientStatus[] = [stream('SYNCED')];
  others: readonly ReplicaTrust[] = [];
  leads = true;
  readonly told: Omit<ReplicaTrust, 'clients'>[] = [];
  advancedFrom: string[] = [];
  looks = 0;
  readonly events: RotationEvent[] = [];
  readonly rotations = new Rotations({
    authority: {
      rotations: () => [this.rotation],
      beginRotation: async () => ({ kind: 'accepted', rotation: this.rotation }),
      abortRotation: async () => ({ kind: 'refused', message: 'no', advice: 'none' }),
      advanceRotation: async (seen) => {
        if (seen !== this.rotation) return false;
        this.advancedFrom.push(seen.step);
        this.rotation = { ...seen, step: 'used' };
        return true;
      },
    },
    clients: () => this.clients,
    others: () => this.others,
    leads: () => this.leads,
    published: (trust) => this.told.push(trust),
    lookAgain: () => {
      this.looks += 1;
    },
    report: (event) => this.events.push(event),
  });

  published(): PublishedTrust {
    const rotations = this.rotations.underway();
    return { rotations, told: new Map([['atelier', [web]]]), untold: [], leafLifetimeMs };
  }
}

test('a step is taken once everybody has accepted, and then the loop looks again', async () => {
  const world = new World();
  await world.rotations.turn(world.published(), 0);
  expect([world.advancedFrom, world.looks]).toEqual([['trusted'], 1]);
  expect(world.events.map(({ kind }) => kind)).toEqual(['advanced']);
});

test('what was commanded after the publication is not taken for accepted', async () => {
  const world = new World();
  const published = world.published();
  world.rotation = { ...world.rotation, step: 'dropped', aborted: true };
  await world.rotations.turn(published, 0);
  expect(world.advancedFrom).toEqual([]);
});

test('the last proxy that accepts makes the loop look again, and nobody else does', async () => {
  const world = new World();
  world.clients = [stream('STALE')];
  await world.rotations.turn(world.published(), 0);
  const acked = {
    kind: 'acked',
    stream: 1,
    protocol: 'delta',
    nonce: '1',
    version: 'v',
    resources: new Map(),
    removed: [],
  } as const;
  world.rotations.heard({ ...acked, key: web, typeUrl: typeUrls.cluster });
  world.rotations.heard({ ...acked, key: 'atelier/api-1', typeUrl: typeUrls.secret });
  expect(world.looks).toBe(0);
  world.rotations.heard({ ...acked, key: web, typeUrl: typeUrls.secret });
  expect(world.looks).toBe(1);
});

test('who holds it back is told by name, once for as long as nothing changes', async () => {
  const world = new World();
  world.clients = [];
  for (const nowMs of [0, 5_000]) await world.rotations.turn(world.published(), nowMs);
  expect(world.events).toMatchObject([{ kind: 'rested', holdouts: [{ workload: web, why: { kind: 'away' } }] }]);
  expect(world.rotations.list()).toMatchObject([{ tenant: 'atelier', holdouts: [{ workload: web }] }]);
  world.clients = [stream('STALE')];
  await world.rotations.turn(world.published(), 6_000);
  expect(world.events).toHaveLength(2);
});

test('a proxy that is away for a whole leaf life is left behind by name, and not a moment sooner', async () => {
  const world = new World();
  world.clients = [];
  await world.rotations.turn(world.published(), 500_000); // this process has looked on since then
  await world.rotations.turn(world.published(), 500_000 + leafLifetimeMs - 1);
  expect(world.advancedFrom).toEqual([]);
  await world.rotations.turn(world.published(), 500_000 + leafLifetimeMs);
  expect(world.advancedFrom).toEqual(['trusted']);
  expect(world.events.at(-1)).toMatchObject({ kind: 'advanced', leftBehind: [{ workload: web }] });
});

test('a step that cannot be saved is told, and tried again', async () => {
  const world = new World();
  const failing = new Rotations({
    authority: {
      rotations: () => [world.rotation],
      beginRotation: () => Promise.reject(new Error('unused')),
      abortRotation: () => Promise.reject(new Error('unused')),
      advanceRotation: () => Promise.reject(new Error('the disk is full')),
    },
    clients: () => world.clients,
    others: () => [],
    leads: () => true,
    published: () => undefined,
    lookAgain: () => undefined,
    report: (event) => world.events.push(event),
  });
  const next = await failing.turn(world.published(), 0);
  expect(world.events).toMatchObject([{ kind: 'failed', cause: new Error('the disk is full') }]);
  expect(next).toBeLessThan(10_000);
});

test('without a rotation nobody is asked, and no look is due', async () => {
  const world = new World();
  world.clients = [stream('STALE')];
  expect(await world.rotations.turn({ ...world.published(), rotations: [] }, 0)).toBe(Infinity);
  expect(world.events).toEqual([]);
});

describe('where another replica serves the proxy', () => {
  const worldOf = (steps: (rotation: RotationStatus) => readonly string[], untold: readonly string[] = []) => {
    const world = new World();
    world.clients = [];
    world.others = [{ clients: [stream('SYNCED')], steps: steps(world.rotation), untold }];
    return world;
  };
  const holdoutOf = (world: World) => world.rotations.list()[0]?.holdouts[0]?.why.kind;

  test('its acceptance counts once that replica has published the step', async () => {
    const world = worldOf((rotation) => [stepName(rotation)]);
    await world.rotations.turn(world.published(), 0);
    expect(world.advancedFrom).toEqual(['trusted']);
  });

  test('what it accepted of that replica before is the step before', async () => {
    const world = worldOf((rotation) => [
      stepName({ ...rotation, step: 'dropped' }),
      stepName({ ...rotation, sinceMs: 1 }),
    ]);
    await world.rotations.turn(world.published(), 0);
    expect([world.advancedFrom, holdoutOf(world)]).toEqual([[], 'behind']);
  });

  test('an old stream at a replica that is behind holds the step, though the proxy has accepted it here', async () => {
    const world = worldOf(() => []);
    world.clients = [stream('SYNCED')];
    await world.rotations.turn(world.published(), 0);
    expect([world.advancedFrom, holdoutOf(world)]).toEqual([[], 'behind']);
  });

  test('to whom that replica could say nothing holds the step', async () => {
    const world = worldOf((rotation) => [stepName(rotation)], ['atelier/api-1']);
    await world.rotations.turn(world.published(), 0);
    expect([world.advancedFrom, holdoutOf(world)]).toEqual([[], 'untold']);
  });

  test('while that replica is out of reach the proxy is away', async () => {
    const world = worldOf(() => []);
    world.others = [];
    await world.rotations.turn(world.published(), 0);
    expect([world.advancedFrom, holdoutOf(world)]).toEqual([[], 'away']);
  });
});

test('FLT-34 a replica that does not lead takes no step, and says once what it has published', async () => {
  const world = new World();
  world.leads = false;
  for (const nowMs of [0, 5_000]) expect(await world.rotations.turn(world.published(), nowMs)).toBe(Infinity);
  expect(world.advancedFrom).toEqual([]);
  expect(world.told).toEqual([{ steps: [stepName(world.rotation)], untold: [] }]);
});
