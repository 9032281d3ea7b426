/** Make before break: XDS-46 to XDS-49 and XDS-51, and the timeouts that keep it alive. */
import { expect } from 'vitest';
import { conform } from './conform.ts';
import type { Session } from './session.ts';
import type { Trial } from './trial.ts';

const before = {
  secret: { s: '1' },
  cluster: { X: '1' },
  endpoints: { X: '1' },
  listener: { L: '1' },
  route: { r: 'to X' },
};

/** The route moves from X to Y, and everything else that can change does. */
const after = {
  secret: { s: '2' },
  cluster: { Y: '1' },
  endpoints: { Y: '1' },
  listener: { L: '2' },
  route: { r: 'to Y' },
};

/** A client that holds all of `before`. */
async function holding(trial: Trial): Promise<Session> {
  await trial.set(before);
  const session = trial.open();
  session.subscribeSilently('cluster');
  await trial.accept(session, 'cluster');
  session.subscribe('endpoints', ['X']);
  await trial.accept(session, 'endpoints');
  session.subscribe('secret', ['s']);
  await trial.accept(session, 'secret');
  session.subscribeSilently('listener');
  await trial.accept(session, 'listener');
  session.subscribe('route', ['r']);
  await trial.accept(session, 'route');
  await trial.silence(session);
  return session;
}

conform('XDS-46', 'a change leaves in order, each type behind the ACK of the one before', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set(after);
  const order: string[] = [];
  while (order.length < 5) {
    const answer = await session.next();
    order.push(answer.type);
    // Nothing follows before the ACK.
    await trial.silence(session);
    // As Envoy does: the endpoints are asked for before the clusters are acknowledged.
    if (answer.type === 'cluster') session.subscribe('endpoints', ['Y']);
    session.ack(answer);
  }
  // A secret has no place in the order: it is answered when it is asked for.
  expect(order.filter((type) => type !== 'secret')).toEqual(['cluster', 'endpoints', 'listener', 'route']);
});

conform(
  'XDS-46',
  'a type that is not acknowledged is waited for until the timeout, and no longer',
  {},
  async (trial) => {
    const waitMs = trial.limit('ackWaitMs');
    const session = await holding(trial);
    await trial.set(after);
    expect((await session.next()).type).toBe('secret');
    await trial.silence(session);
    await trial.pass(waitMs - 1);
    await trial.silence(session);
    await trial.pass(1);
    expect((await session.next()).type).toBe('cluster');
    await trial.silence(session);
  },
);

conform('XDS-46', 'a roll-out in progress is finished before the next begins', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set({ ...before, cluster: { X: '1', Y: '1' }, route: { r: 'to Y' } });
  const clusters = await session.next();
  await trial.set({ ...before, cluster: { X: '1', Y: '1', Z: '1' }, route: { r: 'to Z' } });
  session.ack(clusters);
  // Y was accepted, Z was not sent yet.
  expect((await trial.accept(session, 'route')).resources).toEqual({ r: 'to Y' });
  expect((await trial.accept(session, 'cluster')).resources).toHaveProperty('Z');
  expect((await trial.accept(session, 'route')).resources).toEqual({ r: 'to Z' });
  await trial.silence(session);
});

conform('XDS-47', 'when a route moves from X to Y, X stays until the route was acknowledged', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set({ ...before, cluster: { Y: '1' }, endpoints: { Y: '1' }, route: { r: 'to Y' } });
  const clusters = await session.next();
  expect(clusters.type).toBe('cluster');
  expect(clusters.removed).toEqual([]);
  expect(clusters.resources).toEqual(trial.protocol === 'sotw' ? { X: '1', Y: '1' } : { Y: '1' });
  session.subscribe('endpoints', ['Y']);
  session.ack(clusters);
  expect((await trial.accept(session, 'endpoints')).resources).toHaveProperty('Y', '1');
  expect((await trial.accept(session, 'route')).resources).toEqual({ r: 'to Y' });
  const last = await session.next();
  expect(last.type).toBe('cluster');
  expect(last).toMatchObject(trial.protocol === 'sotw' ? { resources: { Y: '1' } } : { removed: ['X'] });
  // Again as Envoy does: the endpoints of a removed cluster are dropped before the ACK.
  session.unsubscribe('endpoints', ['X']);
  session.ack(last);
  await trial.silence(session);
});

conform('XDS-47', 'a cluster is kept while the route that replaces its use is refused', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set({ ...before, cluster: { Y: '1' }, route: { r: 'bad' } });
  await trial.accept(session, 'cluster');
  const route = await session.next();
  session.nack(route, 'no');
  await trial.silence(session);
  await trial.set({ ...before, cluster: { Y: '1' }, route: { r: 'to Y' } });
  await trial.accept(session, 'route');
  const last = await trial.accept(session, 'cluster');
  expect(last).toMatchObject(trial.protocol === 'sotw' ? { resources: { Y: '1' } } : { removed: ['X'] });
});

conform('XDS-48', 'endpoints are sent again after their cluster, though they did not change', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set({ ...before, cluster: { X: '2' } });
  await trial.accept(session, 'cluster');
  expect((await trial.accept(session, 'endpoints')).resources).toEqual({ X: '1' });
  await trial.silence(session);
});

for (const order of [
  ['cluster', 'endpoints'],
  ['endpoints', 'cluster'],
] as const) {
  const sentence = `on a reconnect endpoints are sent again after their cluster, when the ${order[0]} is asked for first`;
  conform('XDS-48', sentence, { protocols: ['delta'] }, async (trial) => {
    await trial.set(before);
    const first = trial.open();
    first.subscribeSilently('cluster');
    const clusters = await trial.accept(first, 'cluster');
    first.subscribe('endpoints', ['X']);
    const endpoints = await trial.accept(first, 'endpoints');
    first.close();
    await trial.set({ ...before, cluster: { X: '2' } });
    const again = trial.open();
    for (const type of order) {
      if (type === 'cluster') again.subscribeSilently('cluster', { versions: clusters.versions });
      else again.subscribe('endpoints', ['X'], { versions: endpoints.versions });
    }
    expect((await trial.accept(again, 'cluster')).resources).toEqual({ X: '2' });
    expect((await trial.accept(again, 'endpoints')).resources).toEqual({ X: '1' });
    await trial.silence(again);
  });
}

conform(
  'XDS-49',
  'endpoints that are not there hold back neither those of other clusters nor what was held',
  {},
  async (trial) => {
    const session = await holding(trial);
    await trial.set({ ...before, cluster: { X: '1', W: '1', Y: '1' }, endpoints: { X: '1', Y: '1' } });
    const clusters = await session.next();
    session.subscribe('endpoints', ['W', 'Y']);
    // Not acknowledged: as Envoy does while W warms.
    const arrived = new Map<string, string>();
    while (!arrived.has('Y')) {
      const { resources, removed } = await trial.accept(session, 'endpoints');
      for (const [name, word] of Object.entries(resources)) arrived.set(name, word);
      expect(removed).not.toContain('X');
    }
    await trial.silence(session);
    session.ack(clusters);
    await trial.set({ ...before, cluster: { X: '1', W: '1', Y: '1' }, endpoints: { X: '1', Y: '1', W: '1' } });
    expect((await trial.accept(session, 'endpoints')).resources).toHaveProperty('W', '1');
  },
);

conform(
  'XDS-51',
  'a secret of somebody else is answered as one that does not exist, and of a list the own part comes',
  {},
  async (trial) => {
    await trial.set({ secret: { own: 'key of one' } });
    await trial.set({ secret: { theirs: 'key of another' } }, { node: `${trial.node}-other` });
    const outcomes = [];
    for (const name of ['theirs', 'nowhere']) {
      const session = trial.open();
      session.subscribe('secret', [name, 'own']);
      const { resources, removed } = await trial.accept(session, 'secret');
      await trial.silence(session);
      outcomes.push({ resources, removed: removed.map((each) => (each === name ? 'asked' : each)) });
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
    expect(outcomes[0]?.resources).toEqual({ own: 'key of one' });
  },
);

conform(
  'XDS-51',
  'the operator hears of a secret that is asked for and not there, once for each name and stream',
  {},
  async (trial) => {
    await trial.set({ secret: { own: 'key of one' } });
    const session = trial.open();
    session.subscribe('secret', ['own', 'theirs']);
    await trial.accept(session, 'secret');
    session.unsubscribe('secret', ['theirs']);
    session.subscribe('secret', ['theirs']);
    session.subscribe('secret', ['nowhere']);
    await trial.hearsOfAbsent('secret', ['theirs', 'nowhere']);
    const again = trial.open();
    again.subscribe('secret', ['theirs']);
    await trial.hearsOfAbsent('secret', ['theirs', 'nowhere', 'theirs']);
  },
);

conform(
  'XDS-51',
  'a secret that is renewed is pushed on the open stream, and nothing else moves',
  {},
  async (trial) => {
    const session = await holding(trial);
    await trial.set({ ...before, secret: { s: '2' } });
    expect((await trial.accept(session, 'secret')).resources).toEqual({ s: '2' });
    await trial.silence(session);
  },
);

conform('choice', 'a runtime layer is answered while everything else waits for an ACK', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set({ ...after, runtime: { drill: '1' } });
  expect((await session.next()).type).toBe('secret');
  session.subscribe('runtime', ['drill']);
  expect((await trial.accept(session, 'runtime')).resources).toHaveProperty('drill', '1');
  await trial.set({ ...after, runtime: { drill: '2' } });
  expect((await trial.accept(session, 'runtime')).resources).toHaveProperty('drill', '2');
});

conform('choice', 'a refused cluster does not hold back the routes', {}, async (trial) => {
  const session = await holding(trial);
  await trial.set({ ...before, cluster: { X: 'bad' }, route: { r: 'denied' } });
  session.nack(await session.next(), 'X is bad');
  for (const type of ['endpoints', 'route'] as const) await trial.accept(session, type);
  await trial.silence(session);
});
