/** ACK, NACK and the nonces that pair them with responses: XDS-19 to XDS-25, XDS-44. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ServerUnderTest, startServer } from './server-under-test.ts';
import { accept, type Session, silence } from './session.ts';
import { openSession } from './sessions.ts';

describe.each(['sotw', 'delta'] as const)('%s', (kind) => {
  let server: ServerUnderTest;
  let session: Session;

  beforeEach(async () => {
    server = await startServer();
    server.set('n', { listener: { A: '1' }, endpoints: { e: '1', f: '1' } });
    session = openSession(kind, server.address, 'n');
  });
  afterEach(async () => {
    session.close();
    await server.stop();
  });

  const statusOf = (typeUrlEnd: string) =>
    server.status()[0]?.types.find(({ typeUrl }) => typeUrl.endsWith(typeUrlEnd));

  test('XDS-19 an ACK is answered by silence, and the acknowledged version is recorded', async () => {
    session.subscribeSilently('listener');
    const answer = await accept(session, 'listener');
    await silence(session);
    expect(statusOf('Listener')).toMatchObject({ state: 'SYNCED', ackedVersion: answer.version });
  });

  test('XDS-20 a NACK is answered by silence, and its reason, version and nonce are kept', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.set('n', { listener: { A: 'bad' } }, 'r2');
    const bad = await session.next();
    session.nack(bad, 'listener A is bad');
    await silence(session);
    const { nonce, version } = bad;
    expect(statusOf('Listener')).toMatchObject({
      state: 'NACKED',
      nack: { nonce, version, message: 'listener A is bad' },
    });
    expect(server.events).toContainEqual(expect.objectContaining({ kind: 'nacked', nonce, version }));
    // The same content again, from another reconcile.
    server.set('n', { listener: { A: 'bad' } }, 'r3');
    await silence(session);
  });

  test('XDS-21 after a NACK good content is sent, and its ACK clears the error', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.set('n', { listener: { A: 'bad' } });
    session.nack(await session.next(), 'no');
    await silence(session);
    server.set('n', { listener: { A: 'good' } });
    expect((await accept(session, 'listener')).resources).toEqual({ A: 'good' });
    await silence(session);
    expect(statusOf('Listener')?.nack).toBeUndefined();
  });

  test('XDS-21 after a NACK the former content is sent when it comes back: what the client kept is not certain', async () => {
    session.subscribeSilently('listener');
    await accept(session, 'listener');
    server.set('n', { listener: { A: 'bad' } });
    session.nack(await session.next(), 'no');
    server.set('n', { listener: { A: '1' } });
    // The NACK and the change race; whichever comes first, the client ends with the former content.
    expect((await accept(session, 'listener')).resources).toEqual({ A: '1' });
    await silence(session);
  });

  test('XDS-22 a NACK that also asks for a name counts as a NACK, and the name is answered', async () => {
    session.subscribe('endpoints', ['e']);
    await accept(session, 'endpoints');
    server.set('n', { endpoints: { e: 'bad', f: '1' } });
    session.nack(await session.next(), 'e is bad', ['f']);
    const answer = await session.next();
    expect(answer.resources).toEqual({ f: '1' });
    expect(statusOf('ClusterLoadAssignment')?.nack?.message).toBe('e is bad');
  });

  test('XDS-24 an invented nonce is neither ACK nor NACK, and the right one works afterwards', async () => {
    session.subscribeSilently('listener');
    const answer = await session.next();
    session.ack({ ...answer, nonce: 'invented' });
    session.nack({ ...answer, nonce: 'invented' }, 'invented');
    await silence(session);
    expect(statusOf('Listener')).toMatchObject({ state: 'STALE', ackedVersion: '' });
    expect(server.events.filter(({ kind }) => kind === 'stale-nonce')).toHaveLength(2);
    session.ack(answer);
    await silence(session);
    expect(statusOf('Listener')?.state).toBe('SYNCED');
  });

  test('XDS-25 unsubscribing in passing and subscribing again is answered again', async () => {
    session.subscribe('endpoints', ['e']);
    const first = await accept(session, 'endpoints');
    await silence(session);
    server.set('n', { endpoints: { e: '2', f: '1' } });
    const second = await session.next();
    // Written before `second` was read: it carries the nonce of `first`.
    session.ack(first);
    session.unsubscribe('endpoints', ['e']);
    session.ack(second);
    session.subscribe('endpoints', ['e']);
    expect((await accept(session, 'endpoints')).resources).toEqual({ e: '2' });
    await silence(session);
  });

  test('XDS-44 an ACK that also subscribes is both', async () => {
    session.subscribe('endpoints', ['e']);
    const { nonce } = await session.next();
    session.subscribeWithNonce('endpoints', ['f'], nonce);
    expect((await accept(session, 'endpoints')).resources).toEqual({ f: '1' });
  });

  test('one response per type is outstanding, and the changes meanwhile merge into the next', async () => {
    session.subscribe('endpoints', ['e']);
    const first = await session.next();
    server.set('n', { endpoints: { e: '2' } });
    server.set('n', { endpoints: { e: '3' } });
    server.set('n', { endpoints: { e: '4' } });
    await silence(session);
    session.ack(first);
    expect((await accept(session, 'endpoints')).resources).toEqual({ e: '4' });
    await silence(session);
  });
});

test('XDS-44 a delta subscription with a stale nonce is taken', async () => {
  const server = await startServer();
  server.set('n', { endpoints: { e: '1', f: '1' } });
  const session = openSession('delta', server.address, 'n');
  session.subscribe('endpoints', ['e']);
  await accept(session, 'endpoints');
  session.subscribeWithNonce('endpoints', ['f'], 'invented');
  expect((await accept(session, 'endpoints')).resources).toEqual({ f: '1' });
  session.close();
  await server.stop();
});

test('XDS-25 a SotW unsubscription with a stale nonce is not lost', async () => {
  const server = await startServer();
  server.set('n', { endpoints: { e: '1' } });
  const session = openSession('sotw', server.address, 'n');
  session.subscribe('endpoints', ['e']);
  await accept(session, 'endpoints');
  await silence(session);
  server.set('n', { endpoints: { e: '2' } });
  const second = await session.next();
  // Unsubscribed before `second` was read, subscribed anew after it.
  session.unsubscribe('endpoints', ['e']);
  session.subscribeWithNonce('endpoints', ['e'], second.nonce);
  expect((await session.next()).resources).toEqual({ e: '2' });
  session.close();
  await server.stop();
});
