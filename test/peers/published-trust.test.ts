/** What a follower's newest publication says, and what its proxies said to it: the leader hears of both in this order. */
import { expect, test } from 'vitest';
import { clientOf, PeerWorld } from './peer-world.ts';

const said = { steps: ['shop trusted 1 A B'], untold: ['shop/b9'] };
const trustAt = (world: PeerWorld) =>
  world
    .replica('a')
    .followers.trust()
    .map(({ steps, untold, clients }) => ({ steps, untold, proxies: clients.map(({ key }) => key) }));

async function following(): Promise<PeerWorld> {
  const world = new PeerWorld('a', 'b');
  world.replica('b').open(1, 'shop/b1');
  world.elect({ name: 'a', term: 1 });
  await world.pass(10);
  return world;
}

test('a leader hears what a follower has published, and nothing of it before', async () => {
  const world = await following();
  expect(trustAt(world)).toEqual([{ steps: [], untold: [], proxies: ['shop/b1'] }]);
  world.replica('b').follower.trust(said);
  await world.pass(10);
  expect(trustAt(world)).toEqual([{ ...said, proxies: ['shop/b1'] }]);
});

test('with it comes the state of every stream as it is then, also of those of which nothing was to be told', async () => {
  const world = await following();
  const { clients, follower } = world.replica('b');
  clients.set(1, { ...clientOf(1, 'shop/b1'), nodeId: 'as it is now' });
  follower.trust(said);
  await world.pass(10);
  const [trust] = world.replica('a').followers.trust();
  expect(trust?.clients).toMatchObject([{ key: 'shop/b1', nodeId: 'as it is now' }]);
});

test('a follower that comes to another leader tells it what it has published', async () => {
  const world = new PeerWorld('a', 'b', 'c');
  world.elect({ name: 'c', term: 1 });
  await world.pass(10);
  world.replica('b').follower.trust(said);
  world.elect({ name: 'a', term: 2 });
  await world.pass(10);
  expect(trustAt(world)).toContainEqual({ ...said, proxies: [] });
});
