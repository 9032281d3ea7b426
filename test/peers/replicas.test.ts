/** Leader and followers together: what is heard, what lies, and what is left of it when one of them is gone. */
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HelloSchema, ReportSchema } from '#gen/coffre/peers/v1/peers_pb.js';
import { newsWaitingMax, silenceMs } from '../../src/peers/limits.ts';
import { clientOf, PeerWorld } from './peer-world.ts';

const settings = new Map([
  ['circuit_breakers.bank_api.max_requests', 0],
  ['drill.log.bank_api', 100],
]);

/** `a` leads, the others follow, and each has proxies. */
async function ledByA(...names: readonly string[]): Promise<PeerWorld> {
  const world = new PeerWorld('a', ...names);
  world.replica('a').open(1, 'shop/a1');
  for (const name of names) {
    world.replica(name).open(1, `shop/${name}1`);
    world.replica(name).open(2, `shop/${name}2`);
  }
  world.elect({ name: 'a', term: 1 });
  await world.pass(10);
  return world;
}

const kinds = (world: PeerWorld, name: string) => world.replica(name).events.map(({ kind }) => kind);

describe('a leader', () => {
  test('hears of every proxy of its followers: all at the beginning, then what changes', async () => {
    const world = await ledByA('b', 'c');
    const { followers, heard } = world.replica('a');
    const whole = [clientOf(1, 'shop/b1'), clientOf(2, 'shop/b2'), clientOf(1, 'shop/c1'), clientOf(2, 'shop/c2')];
    expect(followers.clients()).toEqual(
      whole.map((client) => ({ ...client, types: client.types.map((type) => ({ ...type, asked: new Set() })) })),
    );
    expect(heard.map(({ kind, proxy }) => `${kind} ${proxy}`)).toEqual([
      'opened shop/b1',
      'opened shop/b2',
      'opened shop/c1',
      'opened shop/c2',
    ]);
    world.replica('b').close(1);
    world.replica('b').open(3, 'shop/b3');
    await world.pass(600);
    expect(followers.clients().map(({ key }) => key)).toEqual(['shop/b2', 'shop/b3', 'shop/c1', 'shop/c2']);
    expect(heard.slice(4)).toEqual([
      { kind: 'closed', proxy: 'shop/b1' },
      { kind: 'opened', proxy: 'shop/b3' },
    ]);
  });

  test('hears how far the proxies of its followers have come with each object', async () => {
    const world = await ledByA('b');
    const tally = (name: string, acknowledged: number) => ({
      ...{ id: `Grant/shop/${name}`, hash: 'h1' },
      ...{ sidecars: { acknowledged, concerned: 3 }, workers: { acknowledged: 0, concerned: 1 } },
    });
    world.replica('b').tallies = [tally('one', 1), tally('two', 3)];
    await world.pass(1_010);
    expect(world.replica('a').followers.tallies()).toEqual([[tally('one', 1), tally('two', 3)]]);
    world.replica('b').tallies = [tally('one', 2)];
    await world.pass(1_010);
    expect(world.replica('a').followers.tallies()).toEqual([[tally('one', 2)]]);
    world.kill('b');
    await world.pass(10);
    expect(world.replica('a').followers.tallies()).toEqual([]);
  });

  test('hears in order what drills must hear, and of acceptances only while it asks for them', async () => {
    const world = await ledByA('b');
    const { followers, heard } = world.replica('a');
    const { follower } = world.replica('b');
    const accepted = { kind: 'accepted', proxy: 'shop/b1', resources: ['type/rtds/drill'] } as const;
    follower.news(accepted);
    followers.attend(true);
    await world.pass(10);
    follower.news(accepted);
    follower.news({ kind: 'refused', proxy: 'shop/b2', why: 'unknown key' });
    follower.news({ kind: 'lapsed', proxy: 'shop/b2' });
    await world.pass(50);
    expect(heard.slice(2)).toEqual([
      accepted,
      { kind: 'refused', proxy: 'shop/b2', why: 'unknown key' },
      { kind: 'lapsed', proxy: 'shop/b2' },
    ]);
  });

  test('has a cluster watched by followers, also those that come later, and hears nothing of any other', async () => {
    const world = await ledByA('b');
    const stop = world.replica('a').followers.watch(['shop/b1', 'shop/c1'], 'bank_api');
    world.elect({ name: 'a', term: 1 });
    await world.pass(10);
    const { follower, watched } = world.replica('b');
    expect([...watched.values()]).toEqual(['bank_api']);
    const load = { key: 'shop/b1', issued: 3, succeeded: 1, failed: 2, dropped: 1, periodMs: 1_000 };
    const moment = { protocol: 'tcp', moment: 'connected' } as const;
    const record = { proxy: 'shop/b1', ...moment, flags: ['UO'], durationMs: 1.5 };
    for (const cluster of ['bank_api', 'other']) {
      follower.load({ ...load, cluster });
      follower.record({ ...record, cluster });
    }
    await world.pass(10);
    expect(world.replica('a').loads).toEqual([{ ...load, cluster: 'bank_api' }]);
    expect(world.replica('a').records).toEqual([{ ...record, cluster: 'bank_api' }]);
    stop();
    await world.pass(10);
    expect(watched.size).toBe(0);
  });

  test('lays on the proxies of every follower, also of one that joins meanwhile, and lifts', async () => {
    const world = new PeerWorld('a', 'b', 'c');
    for (const early of ['a', 'b']) world.replica(early).learn({ name: 'a', term: 1 });
    await world.pass(10);
    const { followers } = world.replica('a');
    followers.lay('shop/b1', settings);
    followers.lay('shop/b2', settings);
    await world.pass(10);
    expect(world.replica('b').laid).toEqual(
      new Map([
        ['shop/b1', settings],
        ['shop/b2', settings],
      ]),
    );
    world.replica('c').learn({ name: 'a', term: 1 });
    await world.pass(10);
    expect([...world.replica('c').laid.keys()]).toEqual(['shop/b1', 'shop/b2']);
    followers.lift('shop/b1');
    await world.pass(10);
    expect([...world.replica('b').laid.keys()]).toEqual(['shop/b2']);
  });

  test('has its safety lever kept by every follower, also by one that comes later', async () => {
    const world = new PeerWorld('a', 'b', 'c');
    for (const early of ['a', 'b']) world.replica(early).learn({ name: 'a', term: 1 });
    await world.pass(10);
    const pulled = { pulled: true, by: 'ana', reason: 'customers suffer', atMs: 12_345 };
    world.replica('a').followers.lever(pulled);
    await world.pass(10);
    expect(world.replica('b').levers).toEqual([pulled]);
    world.replica('c').learn({ name: 'a', term: 1 });
    await world.pass(10);
    expect(world.replica('c').levers).toEqual([pulled]);
  });

  test('FLT-29 counts proxies of a follower that is gone as out of reach, and those alone that something lay on', async () => {
    const world = await ledByA('b');
    const { followers, heard } = world.replica('a');
    followers.lay('shop/b1', settings);
    await world.pass(10);
    heard.length = 0;
    world.kill('b');
    await world.pass(10);
    expect(heard).toEqual([
      {
        kind: 'refused',
        proxy: 'shop/b1',
        why: 'its replica `b` is out of reach (reset), and takes the fault back by itself',
      },
      { kind: 'closed', proxy: 'shop/b1' },
      { kind: 'closed', proxy: 'shop/b2' },
    ]);
    expect(followers.clients()).toEqual([]);
  });

  test('FLT-29 takes a follower that is silent for one that is gone', async () => {
    const world = await ledByA('b');
    world.replica('a').followers.lay('shop/b1', settings);
    await world.pass(10);
    world.replica('b').paused = true;
    await world.pass(silenceMs + 10);
    expect(
      world
        .replica('a')
        .heard.slice(2)
        .map(({ kind }) => kind),
    ).toEqual(['refused', 'closed', 'closed']);
    world.replica('b').paused = false;
    await world.pass(10);
    expect(world.replica('b').laid.size).toBe(0);
  });

  test('hears a follower anew that is back on another stream before the first was missed', async () => {
    const world = await ledByA('b');
    const { heard, followers } = world.replica('a');
    const ended: string[] = [];
    const again = followers.take({ unsent: 0, send: () => undefined, end: (why) => ended.push(why) });
    again.heard(create(ReportSchema, { kind: { case: 'hello', value: create(HelloSchema, { replica: 'b' }) } }));
    expect(heard.map(({ kind }) => kind)).toEqual(['opened', 'opened', 'closed', 'closed']);
    expect(followers.clients()).toEqual([]);
    expect(ended).toEqual([]);
    again.closed('reset');
    expect(kinds(world, 'a')).toEqual(['joined', 'parted', 'joined', 'parted']);
  });
});

describe('a follower', () => {
  test('FLT-27 takes back what its leader had laid the moment that the leader is killed', async () => {
    const world = await ledByA('b');
    world.replica('a').followers.lay('shop/b1', settings);
    world.replica('a').followers.watch(['shop/b1'], 'bank_api');
    await world.pass(10);
    expect(world.replica('b').laid.size).toBe(1);
    world.kill('a');
    await world.pass(2);
    expect(world.replica('b').laid.size).toBe(0);
    expect(world.replica('b').watched.size).toBe(0);
    expect(world.replica('b').events.at(-1)).toEqual({ kind: 'unled', why: 'reset', takenBack: 1 });
  });

  test('FLT-27 takes it back within three seconds from a leader that stands still', async () => {
    const world = await ledByA('b');
    world.replica('a').followers.lay('shop/b1', settings);
    await world.pass(10);
    world.replica('a').paused = true;
    await world.pass(silenceMs - 20);
    expect(world.replica('b').laid.size).toBe(1);
    await world.pass(20);
    expect(world.replica('b').laid.size).toBe(0);
  });

  test('without a leader tries none, and finds one that comes', async () => {
    const world = new PeerWorld('a', 'b');
    await world.pass(60_000);
    expect(kinds(world, 'b')).toEqual([]);
    world.elect({ name: 'a', term: 1 });
    await world.pass(10);
    expect(kinds(world, 'b')).toEqual(['following']);
  });

  test('tries again and again for a leader that is not there yet, at longer and longer intervals', async () => {
    const world = new PeerWorld('a', 'b');
    world.kill('a');
    world.replica('b').learn({ name: 'a', term: 1 });
    await world.pass(120_000);
    const tries = kinds(world, 'b').length;
    expect(tries).toBeGreaterThan(24);
    expect(tries).toBeLessThan(60);
    world.replica('a').dead = false;
    world.replica('a').learn({ name: 'a', term: 1 });
    await world.pass(5_100);
    expect(kinds(world, 'b').at(-1)).toBe('following');
  });

  test('that cannot tell all that happens begins anew', async () => {
    const world = await ledByA('b');
    world.replica('a').followers.lay('shop/b1', settings);
    await world.pass(10);
    for (let each = 0; each <= newsWaitingMax; each += 1) {
      world.replica('b').follower.news({ kind: 'lapsed', proxy: 'shop/b1' });
    }
    expect(world.replica('b').laid.size).toBe(0);
    await world.pass(1_000);
    expect(kinds(world, 'b')).toEqual(['following', 'unled', 'following']);
  });
});

describe('of two that lead', () => {
  test('FLT-34 one that was stopped for a minute commands nobody when it goes on, and the next one does', async () => {
    const world = await ledByA('b', 'c');
    const { a, b, c } = { a: world.replica('a'), b: world.replica('b'), c: world.replica('c') };
    a.believes = 1;
    a.followers.lay('shop/c1', settings);
    await world.pass(10);
    a.paused = true;
    await world.pass(15_000);
    world.elect({ name: 'b', term: 2 });
    await world.pass(10);
    b.followers.lay('shop/c2', settings);
    await world.pass(45_000);
    a.paused = false;
    a.followers.lay('shop/c1', new Map([['worse', 1]]));
    await world.pass(20_000);
    expect([...c.laid.keys()]).toEqual(['shop/c2']);
    expect(a.followers.clients()).toEqual([]);
    a.believes = undefined;
    a.learn({ name: 'b', term: 2 });
    await world.pass(10);
    expect(
      b.followers
        .clients()
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['shop/a1', 'shop/c1', 'shop/c2']);
  });

  test('FLT-34 the earlier one is refused by whoever has heard the later one, even where the lease points back to it', async () => {
    const world = await ledByA('b', 'c');
    const [a, b, c] = ['a', 'b', 'c'].map((name) => world.replica(name));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three replicas');
    a.believes = 1;
    b.learn({ name: 'b', term: 2 });
    c.learn({ name: 'b', term: 2 });
    await world.pass(10);
    c.learn({ name: 'a', term: 1 });
    a.followers.lay('shop/c1', settings);
    await world.pass(5_000);
    expect(c.laid.size).toBe(0);
    expect(c.events).toContainEqual({
      kind: 'unreached',
      leader: 'a',
      why: 'a command of term 1, where term 2 was seen',
    });
    expect(a.events.at(-1)).toMatchObject({ kind: 'parted', replica: 'c', why: 'it follows a leader of term 2' });
  });

  test('FLT-34 whoever leads no more ends every stream before it says another word', async () => {
    const world = await ledByA('b');
    const { a, b } = { a: world.replica('a'), b: world.replica('b') };
    a.lease = { name: 'b', term: 2 };
    a.followers.lay('shop/b1', settings);
    await world.pass(10);
    expect(b.laid.size).toBe(0);
    expect(a.events.at(-1)).toMatchObject({ kind: 'parted', replica: 'b', why: 'this replica leads no more' });
  });
});

type Move =
  | { readonly kind: 'layer'; readonly act: 'lay' | 'lift'; readonly by: string; readonly proxy: string }
  | { readonly kind: 'elect'; readonly name: string; readonly seen: readonly string[] }
  | { readonly kind: 'pause'; readonly name: string }
  | { readonly kind: 'resume'; readonly name: string }
  | { readonly kind: 'reread'; readonly name: string }
  | { readonly kind: 'pass'; readonly ms: number };

const names = ['a', 'b', 'c'] as const;
const name = fc.constantFrom(...names);
const proxy = fc.constantFrom('shop/a1', 'shop/b1', 'shop/c1');
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    kind: fc.constant('layer' as const),
    act: fc.constantFrom('lay' as const, 'lift' as const),
    by: name,
    proxy,
  }),
  fc.record({ kind: fc.constant('elect' as const), name, seen: fc.subarray([...names]) }),
  fc.record({ kind: fc.constant('pause' as const), name }),
  fc.record({ kind: fc.constant('resume' as const), name }),
  fc.record({ kind: fc.constant('reread' as const), name }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 30, 900, 4_000, 12_000) }),
);

describe('whatever happens to three replicas', () => {
  test('FLT-34 what lies is of the newest leader once all agree, and of nobody while there is none', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 40 }), async (moves) => {
        const world = new PeerWorld(...names);
        const laid = new Map<string, Set<string>>();
        let term = 0;
        let lease = { name: 'a', term };
        for (const each of moves) {
          if (each.kind === 'pass') await world.pass(each.ms);
          else if (each.kind === 'pause') world.replica(each.name).paused = true;
          else if (each.kind === 'resume') world.replica(each.name).paused = false;
          else if (each.kind === 'elect') {
            term += 1;
            lease = { name: each.name, term };
            for (const seen of each.seen) if (!world.replica(seen).paused) world.replica(seen).learn(lease);
          } else if (each.kind === 'reread') {
            if (!world.replica(each.name).paused) world.replica(each.name).learn(lease);
          } else if (!world.replica(each.by).paused) {
            const ours = laid.get(each.by) ?? new Set();
            laid.set(each.by, ours);
            if (each.act === 'lay') ours.add(each.proxy);
            else ours.delete(each.proxy);
            world.replica(each.by).followers[each.act](each.proxy, settings);
          }
        }
        for (const each of names) world.replica(each).paused = false;
        lease = { name: 'a', term: term + 1 };
        world.elect(lease);
        await world.pass(15_000);
        for (const each of ['b', 'c']) {
          expect([...world.replica(each).laid.keys()].sort()).toEqual([...(laid.get('a') ?? [])].sort());
        }
        expect(world.replica('a').laid.size).toBe(0);
        world.elect(undefined);
        await world.pass(10);
        for (const each of names) expect(world.replica(each).laid.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
