/** What is asked for and what comes: XDS-13 to XDS-18, XDS-27 to XDS-35. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { typeUrls } from '../../src/xds/type-url.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';
import { accept, type Session, silence } from './session.ts';
import { openDeltaStream, openSession, openSotwStream } from './sessions.ts';

const four = { A: '1', B: '1', C: '1', D: '1' };

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  let server: ServerUnderTest;
  let session: Session;

  beforeEach(async () => {
    server = await startServer();
    server.set('n', { listener: four, cluster: four, endpoints: four, secret: four, route: four, extension: four });
    session = openSession(kind, server.address, 'n');
  });
  afterEach(async () => {
    session.close();
    await server.stop();
  });

  const wildcardTypes = ['listener', 'cluster'] as const;
  const namedTypes = ['endpoints', 'route', 'secret', 'extension'] as const;

  test.each(wildcardTypes)('XDS-14 a first %s request without names is answered with everything', async (type) => {
    session.subscribeSilently(type);
    expect((await accept(session, type)).resources).toEqual(four);
    await silence(session);
  });

  test.each(wildcardTypes)('XDS-15 a %s request for "*" is answered with everything', async (type) => {
    session.subscribe(type, ['*']);
    expect((await accept(session, type)).resources).toEqual(four);
    await silence(session);
  });

  test('XDS-14 a first wildcard request is answered even if there is nothing', async () => {
    server.set('n', { listener: {} });
    session.subscribeSilently('listener');
    expect((await accept(session, 'listener')).resources).toEqual({});
  });

  test.each(namedTypes)('XDS-17 a first %s request without names is no subscription', async (type) => {
    session.subscribeSilently(type);
    await silence(session);
    server.set('n', { [type]: { ...four, A: '2' } });
    await silence(session);
    session.subscribe(type, ['A']);
    expect((await accept(session, type)).resources).toEqual({ A: '2' });
  });

  test.each(wildcardTypes)('XDS-18 a %s request for names is answered with exactly those', async (type) => {
    session.subscribe(type, ['B', 'D']);
    expect((await accept(session, type)).resources).toEqual({ B: '1', D: '1' });
    server.set('n', { [type]: { ...four, A: '2' } });
    await silence(session);
  });

  test.each(namedTypes)('XDS-27 a name added to %s is answered at once, though nothing changed', async (type) => {
    session.subscribe(type, ['A']);
    await accept(session, type);
    session.subscribe(type, ['B']);
    expect((await accept(session, type)).resources).toHaveProperty('B', '1');
  });

  test('XDS-28 a dropped name is silent, and the kept ones still update', async () => {
    session.subscribe('endpoints', ['A', 'B']);
    await accept(session, 'endpoints');
    session.unsubscribe('endpoints', ['A']);
    await silence(session);
    server.set('n', { endpoints: { ...four, A: '2' } });
    await silence(session);
    server.set('n', { endpoints: { ...four, A: '2', B: '2' } });
    expect((await accept(session, 'endpoints')).resources).toEqual({ B: '2' });
  });

  test('XDS-29 a name dropped and taken again is sent again, though it did not change', async () => {
    session.subscribe('endpoints', ['A', 'B']);
    await accept(session, 'endpoints');
    session.unsubscribe('endpoints', ['A']);
    await silence(session);
    session.subscribe('endpoints', ['A']);
    expect((await accept(session, 'endpoints')).resources).toHaveProperty('A', '1');
  });

  test('XDS-30 a name that does not exist yet is sent once it does, without being asked for again', async () => {
    session.subscribe('endpoints', ['A', 'Z']);
    expect((await accept(session, 'endpoints')).resources).toEqual({ A: '1' });
    await silence(session);
    server.set('n', { endpoints: { ...four, Z: '1' } });
    expect((await accept(session, 'endpoints')).resources).toEqual({ Z: '1' });
  });

  test('XDS-31 of endpoints only what changed is sent', async () => {
    session.subscribe('endpoints', ['A', 'B', 'C']);
    await accept(session, 'endpoints');
    server.set('n', { endpoints: { ...four, C: '2' } });
    expect(await accept(session, 'endpoints')).toMatchObject({ resources: { C: '2' }, removed: [] });
    await silence(session);
  });

  test('XDS-34 equal content in a new snapshot is no push', async () => {
    session.subscribeSilently('listener');
    session.subscribe('endpoints', ['A']);
    await accept(session, 'listener');
    await accept(session, 'endpoints');
    for (let revision = 0; revision < 1_000; revision += 1) {
      server.set('n', { listener: four, endpoints: four }, `r${revision}`);
    }
    await silence(session);
  });

  test('XDS-12 two types on one stream have versions and nonces of their own', async () => {
    session.subscribeSilently('cluster');
    const clusters = await session.next();
    session.subscribe('secret', ['A']);
    const secrets = await session.next();
    expect([clusters.type, secrets.type]).toEqual(['cluster', 'secret']);
    expect(clusters.nonce).not.toBe(secrets.nonce);
    // Answered in the other order; neither is mistaken for the other.
    session.ack(secrets);
    session.ack(clusters);
    await silence(session);
    expect(server.events.filter(({ kind }) => kind === 'stale-nonce')).toEqual([]);
  });

  test('a type that the snapshot does not speak of is not emptied', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.set('n', { cluster: four });
    await silence(session);
  });
});

describe('sotw', () => {
  let server: ServerUnderTest;
  let session: Session;

  beforeEach(async () => {
    server = await startServer();
    server.set('n', { listener: four, endpoints: four });
    session = openSession('sotw', server.address, 'n');
  });
  afterEach(async () => {
    session.close();
    await server.stop();
  });

  test('XDS-14 the silent wildcard ends when a name is given, and does not come back', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    session.subscribe('listener', ['A']);
    expect((await accept(session, 'listener')).resources).toEqual({ A: '1' });
    session.unsubscribe('listener', ['A']);
    await silence(session);
    server.set('n', { listener: { ...four, A: '2' } });
    await silence(session);
  });

  test('XDS-31 of listeners all are sent when one changed', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.set('n', { listener: { ...four, C: '2' } });
    expect((await accept(session, 'listener')).resources).toEqual({ ...four, C: '2' });
  });

  test('XDS-32 a deleted listener is absent from the next response, and the last one leaves an empty response', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.set('n', { listener: { A: '1' } });
    expect((await accept(session, 'listener')).resources).toEqual({ A: '1' });
    server.set('n', { listener: {} });
    expect((await accept(session, 'listener')).resources).toEqual({});
  });

  test('XDS-35 on a new stream the present version of listeners is answered by silence, an older one is not', async () => {
    session.subscribeSilently('listener');
    const { version, nonce } = await accept(session, 'listener');
    const again = openSession('sotw', server.address, 'n');
    again.subscribeSilently('listener', { version, nonce });
    await silence(again);
    const changed = { ...four, A: '2' };
    server.set('n', { listener: changed });
    expect((await accept(again, 'listener')).resources).toEqual(changed);
    again.close();
    const older = openSession('sotw', server.address, 'n');
    older.subscribeSilently('listener', { version, nonce });
    expect((await accept(older, 'listener')).resources).toEqual(changed);
    older.close();
  });

  test('XDS-35 on a new stream endpoints are answered whatever version is named', async () => {
    session.subscribe('endpoints', ['A']);
    const { version, nonce } = await accept(session, 'endpoints');
    const again = openSession('sotw', server.address, 'n');
    again.subscribe('endpoints', ['A'], { version, nonce });
    expect((await accept(again, 'endpoints')).resources).toEqual({ A: '1' });
    again.close();
  });
});

test('XDS-13 every response says who answers, and each resource is of the type asked for', async () => {
  const server = await startServer();
  server.set('n', { listener: four });
  const sotw = openSotwStream(server.address);
  sotw.send({ node: { id: 'n' }, typeUrl: typeUrls.listener });
  const whole = await sotw.next();
  expect(whole.resources.map(({ typeUrl }) => typeUrl)).toEqual(Array(4).fill(typeUrls.listener));
  expect(whole).toMatchObject({ typeUrl: typeUrls.listener, controlPlane: { identifier: 'conformance' } });
  expect([whole.versionInfo, whole.nonce]).not.toContain('');
  const delta = openDeltaStream(server.address);
  delta.send({ node: { id: 'n' }, typeUrl: typeUrls.listener });
  const difference = await delta.next();
  expect(difference).toMatchObject({ typeUrl: typeUrls.listener, controlPlane: { identifier: 'conformance' } });
  for (const { name, version, resource } of difference.resources) {
    expect([name, version]).not.toContain('');
    expect(resource?.typeUrl).toBe(typeUrls.listener);
  }
  sotw.close();
  delta.close();
  await server.stop();
});
