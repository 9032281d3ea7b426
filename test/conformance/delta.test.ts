/** What only delta can say: XDS-36 to XDS-43. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ackWaitMs } from '../../src/xds/limits.ts';
import { snapshotOf } from '../xds/resources.ts';
import { type ServerUnderTest, startServer } from './server-under-test.ts';
import { accept, type Session, silence } from './session.ts';
import { openSession } from './sessions.ts';

const three = { A: '1', B: '1', C: '1' };

let server: ServerUnderTest;
let session: Session;

beforeEach(async () => {
  server = await startServer();
  server.set('n', { listener: three, endpoints: three, cluster: three });
  session = openSession('delta', server.address, 'n');
});
afterEach(async () => {
  session.close();
  await server.stop();
});

test('XDS-36 the silent wildcard brings every resource with name and version, and a nonce', async () => {
  session.subscribeSilently('listener');
  const answer = await accept(session, 'listener');
  expect(answer.resources).toEqual(three);
  expect([answer.nonce, ...Object.values(answer.versions)]).not.toContain('');
});

test('XDS-37 names live beside the silent wildcard, and remain when "*" is unsubscribed', async () => {
  session.subscribeSilently('listener');
  await accept(session, 'listener');
  session.subscribe('listener', ['A']);
  expect((await accept(session, 'listener')).resources).toEqual({ A: '1' });
  server.set('n', { listener: { ...three, B: '2' } });
  expect((await accept(session, 'listener')).resources).toEqual({ B: '2' });
  session.unsubscribe('listener', ['*']);
  await silence(session);
  server.set('n', { listener: { ...three, A: '2', B: '3' } });
  expect((await accept(session, 'listener')).resources).toEqual({ A: '2' });
  session.unsubscribe('listener', ['A']);
  await silence(session);
  server.set('n', { listener: { A: '3', B: '4' } });
  await silence(session);
});

test('XDS-37 a name unsubscribed while "*" stays is sent again: the client cannot know that it is covered', async () => {
  session.subscribe('listener', ['*', 'A']);
  await accept(session, 'listener');
  session.unsubscribe('listener', ['A']);
  expect((await accept(session, 'listener')).resources).toEqual({ A: '1' });
});

test('XDS-39 unsubscribing is answered by silence, and of an unknown name as well', async () => {
  session.subscribe('endpoints', ['A']);
  await accept(session, 'endpoints');
  session.unsubscribe('endpoints', ['A']);
  session.unsubscribe('endpoints', ['nobody']);
  await silence(session);
});

test('XDS-40 a name that is held and current is sent again when it is subscribed again', async () => {
  session.subscribe('endpoints', ['A']);
  await accept(session, 'endpoints');
  session.subscribe('endpoints', ['A']);
  expect((await accept(session, 'endpoints')).resources).toEqual({ A: '1' });
});

test('XDS-41 a missing name is answered as removed, then sent, removed and sent as it comes and goes', async () => {
  session.subscribe('endpoints', ['Z']);
  expect(await accept(session, 'endpoints')).toMatchObject({ resources: {}, removed: ['Z'] });
  server.set('n', { endpoints: { Z: '1' } });
  expect(await accept(session, 'endpoints')).toMatchObject({ resources: { Z: '1' }, removed: [] });
  server.set('n', { endpoints: {} });
  await silence(session);
  server.clock.advance(ackWaitMs);
  expect(await accept(session, 'endpoints')).toMatchObject({ resources: {}, removed: ['Z'] });
  server.set('n', { endpoints: { Z: '1' } });
  expect(await accept(session, 'endpoints')).toMatchObject({ resources: { Z: '1' }, removed: [] });
});

test('XDS-42 one change of 10 000 is a response with one resource', async () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`r${index}`, '1']));
  server.set('n', { other: many });
  session.subscribe('other', ['*']);
  const all = await accept(session, 'other');
  expect(Object.keys(all.resources)).toHaveLength(10_000);
  server.set('n', { other: { ...many, r77: '2' } });
  const one = await accept(session, 'other');
  expect(one.resources).toEqual({ r77: '2' });
  expect(one.nonce).not.toBe(all.nonce);
});

const versionsOf = (short: 'listener' | 'endpoints', names: Readonly<Record<string, string>>) => {
  const listing = [...snapshotOf({ [short]: names }).types.values()].flatMap((each) => [...each.values()]);
  return Object.fromEntries(listing.map(({ name, version }) => [name, version]));
};

test('XDS-43 a reconnecting client is sent the difference to what it holds', async () => {
  server.set('n', { endpoints: { A: '1', B: '2' } });
  session.subscribe('endpoints', ['A', 'B', 'C'], {
    versions: versionsOf('endpoints', three),
    nonce: 'of another stream',
  });
  expect(await accept(session, 'endpoints')).toMatchObject({ resources: { B: '2' } });
  // What might still use C has not been asked for: that is waited for.
  await silence(session);
  server.clock.advance(ackWaitMs);
  expect(await accept(session, 'endpoints')).toMatchObject({ resources: {}, removed: ['C'] });
  // All three are subscribed.
  server.set('n', { endpoints: { A: '2', B: '2', C: '1' } });
  expect((await accept(session, 'endpoints')).resources).toEqual({ A: '2', C: '1' });
});

test('XDS-43 what a client holds by name it had asked for', async () => {
  session.subscribe('endpoints', ['B'], { versions: versionsOf('endpoints', { A: '1' }) });
  expect((await accept(session, 'endpoints')).resources).toEqual({ B: '1' });
  server.set('n', { endpoints: { ...three, A: '2' } });
  expect((await accept(session, 'endpoints')).resources).toEqual({ A: '2' });
});

test('XDS-43 a reconnecting wildcard client is sent the difference, and nothing if there is none', async () => {
  session.subscribeSilently('listener', { versions: versionsOf('listener', three) });
  await silence(session);
  server.set('n', { listener: { A: '1', B: '2' } });
  expect(await accept(session, 'listener')).toMatchObject({ resources: { B: '2' }, removed: [] });
  expect(await accept(session, 'listener')).toMatchObject({ resources: {}, removed: ['C'] });
});

test('after a NACK the resources beside the refused one are tried again when that one is replaced', async () => {
  session.subscribe('endpoints', ['A', 'B', 'C']);
  await accept(session, 'endpoints');
  server.set('n', { endpoints: { A: 'bad', B: '2', C: '1' } });
  session.nack(await session.next(), 'A is bad');
  await silence(session);
  // An unrelated change does not drag them along.
  server.set('n', { endpoints: { A: 'bad', B: '2', C: '2' } });
  expect((await accept(session, 'endpoints')).resources).toEqual({ C: '2' });
  await silence(session);
  server.set('n', { endpoints: { A: '3', B: '2', C: '2' } });
  expect((await accept(session, 'endpoints')).resources).toEqual({ A: '3' });
  expect((await accept(session, 'endpoints')).resources).toEqual({ B: '2' });
  await silence(session);
});
