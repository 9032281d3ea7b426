/** Make before break: XDS-46 to XDS-48, and the timeouts that keep it alive. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ackWaitMs } from '../../src/xds/limits.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';
import { accept, type Session, silence, type TypeName } from './session.ts';
import { openSession } from './sessions.ts';

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

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  let server: ServerUnderTest;
  let session: Session;

  beforeEach(async () => {
    server = await startServer();
    server.set('n', before);
    session = openSession(kind, server.address, 'n');
    session.subscribeSilently('cluster');
    await accept(session, 'cluster');
    session.subscribe('endpoints', ['X']);
    await accept(session, 'endpoints');
    session.subscribe('secret', ['s']);
    await accept(session, 'secret');
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    session.subscribe('route', ['r']);
    await accept(session, 'route');
    await silence(session);
  });
  afterEach(async () => {
    session.close();
    await server.stop();
  });

  test('XDS-46 XDS-47 a change leaves in order, each type behind the ACK of the one before, removals last', async () => {
    server.set('n', after);
    for (const type of ['secret', 'cluster', 'endpoints', 'listener', 'route'] as const) {
      const answer = await session.next();
      expect(answer.type).toBe(type);
      // Nothing follows before the ACK.
      await silence(session);
      if (type === 'cluster') {
        expect(answer.resources).toEqual(kind === 'sotw' ? { X: '1', Y: '1' } : { Y: '1' });
        expect(answer.removed).toEqual([]);
        // As Envoy does: the endpoints are asked for before the clusters are acknowledged.
        session.subscribe('endpoints', ['Y']);
      }
      session.ack(answer);
    }
    const last = await session.next();
    expect(last).toMatchObject(kind === 'sotw' ? { resources: { Y: '1' } } : { resources: {}, removed: ['X'] });
    // Again as Envoy does: the endpoints of a removed cluster are dropped before the ACK.
    session.unsubscribe('endpoints', ['X']);
    session.ack(last);
    await silence(session);
  });

  test('XDS-46 a type that is not acknowledged is waited for until the timeout, and no longer', async () => {
    server.set('n', after);
    expect((await session.next()).type).toBe('secret');
    await silence(session);
    server.clock.advance(ackWaitMs - 1);
    await silence(session);
    server.clock.advance(1);
    expect((await session.next()).type).toBe('cluster');
    await silence(session);
  });

  test('XDS-46 a roll-out in progress is finished before the next begins', async () => {
    server.set('n', { ...before, cluster: { X: '1', Y: '1' }, route: { r: 'to Y' } });
    const clusters = await session.next();
    server.set('n', { ...before, cluster: { X: '1', Y: '1', Z: '1' }, route: { r: 'to Z' } });
    session.ack(clusters);
    // Y was accepted, Z was not sent yet.
    expect((await accept(session, 'route')).resources).toEqual({ r: 'to Y' });
    expect((await accept(session, 'cluster')).resources).toHaveProperty('Z');
    expect((await accept(session, 'route')).resources).toEqual({ r: 'to Z' });
    await silence(session);
  });

  test('XDS-47 a cluster is kept while the route that replaces its use is refused', async () => {
    server.set('n', { ...before, cluster: { Y: '1' }, route: { r: 'bad' } });
    await accept(session, 'cluster');
    const route = await session.next();
    session.nack(route, 'no');
    await silence(session);
    server.set('n', { ...before, cluster: { Y: '1' }, route: { r: 'to Y' } });
    await accept(session, 'route');
    const last = await accept(session, 'cluster');
    expect(last).toMatchObject(kind === 'sotw' ? { resources: { Y: '1' } } : { removed: ['X'] });
  });

  test('XDS-48 endpoints are sent again after their cluster, though they did not change', async () => {
    server.set('n', { ...before, cluster: { X: '2' } });
    await accept(session, 'cluster');
    expect((await accept(session, 'endpoints')).resources).toEqual({ X: '1' });
    await silence(session);
  });

  test('a runtime layer is answered while everything else waits for an ACK', async () => {
    server.set('n', { ...after, runtime: { drill: '1' } });
    expect((await session.next()).type).toBe('secret');
    session.subscribe('runtime', ['drill']);
    expect(await accept(session, 'runtime')).toMatchObject({ resources: { drill: '1' } });
    server.set('n', { ...after, runtime: { drill: '2' } });
    expect(await accept(session, 'runtime')).toMatchObject({ resources: { drill: '2' } });
  });

  test('a refused cluster does not hold back the routes', async () => {
    server.set('n', { ...before, cluster: { X: 'bad' }, route: { r: 'denied' } });
    session.nack(await session.next(), 'X is bad');
    const types: TypeName[] = ['endpoints', 'route'];
    for (const type of types) await accept(session, type);
    await silence(session);
  });
});

test('XDS-48 on a delta reconnect endpoints are sent again after their cluster, in whichever order they are asked for', async () => {
  const server = await startServer();
  server.set('n', before);
  const first = openSession('delta', server.address, 'n');
  first.subscribeSilently('cluster');
  const clusters = await accept(first, 'cluster');
  first.subscribe('endpoints', ['X']);
  const endpoints = await accept(first, 'endpoints');
  first.close();
  server.set('n', { ...before, cluster: { X: '2' } });
  for (const order of [
    ['cluster', 'endpoints'],
    ['endpoints', 'cluster'],
  ] as const) {
    const again = openSession('delta', server.address, 'n');
    for (const type of order) {
      if (type === 'cluster') again.subscribeSilently('cluster', { versions: clusters.versions });
      else again.subscribe('endpoints', ['X'], { versions: endpoints.versions });
    }
    expect((await accept(again, 'cluster')).resources).toEqual({ X: '2' });
    expect((await accept(again, 'endpoints')).resources).toEqual({ X: '1' });
    await silence(again);
    again.close();
  }
  await server.stop();
});
