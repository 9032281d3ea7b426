/** ACK, NACK and the nonces that pair them with responses: XDS-19 to XDS-25, XDS-44. */
import { expect } from 'vitest';
import { conform } from './conform.ts';

const named = ['endpoints', 'route', 'secret', 'extension'] as const;
const wildcard = ['listener', 'cluster'] as const;

conform(
  'XDS-19',
  'an ACK is answered by silence, and the acknowledged version is recorded',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribeSilently(type);
    const answer = await trial.accept(session, type);
    await trial.silence(session);
    expect((await trial.report(type))?.ackedVersion).toBe(answer.version);
  },
);

conform(
  'XDS-20',
  'a NACK is answered by silence, and its reason, version and nonce are kept',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    await trial.set({ [type]: { A: 'bad' } }, { revision: 'r2' });
    const bad = await session.next();
    session.nack(bad, 'A is bad');
    await trial.silence(session);
    // The same content again, from another reconcile.
    await trial.set({ [type]: { A: 'bad' } }, { revision: 'r3' });
    await trial.silence(session);
    const { nonce, version } = bad;
    expect((await trial.report(type))?.nack).toMatchObject({ nonce, version, message: 'A is bad' });
    await trial.counts('nacks', 1);
  },
);

conform(
  'XDS-21',
  'after a NACK good content is sent, and its ACK clears the error',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    await trial.set({ [type]: { A: 'bad' } });
    session.nack(await session.next(), 'no');
    await trial.silence(session);
    await trial.set({ [type]: { A: 'good' } });
    expect((await trial.accept(session, type)).resources).toEqual({ A: 'good' });
    await trial.silence(session);
    expect((await trial.report(type))?.nack).toBeUndefined();
  },
);

conform(
  'XDS-21',
  'after a NACK the former content is sent when it comes back: what the client kept is not certain',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    await trial.set({ [type]: { A: 'bad' } });
    session.nack(await session.next(), 'no');
    await trial.silence(session);
    await trial.set({ [type]: { A: '1' } });
    expect((await trial.accept(session, type)).resources).toEqual({ A: '1' });
    await trial.silence(session);
  },
);

conform(
  'XDS-22',
  'a NACK that also asks for a name counts as a NACK, and the name is answered',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { e: '1', f: '1' } });
    const session = trial.open();
    session.subscribe(type, ['e']);
    await trial.accept(session, type);
    await trial.set({ [type]: { e: 'bad', f: '1' } });
    session.nack(await session.next(), 'e is bad', ['f']);
    expect((await session.next()).resources).toHaveProperty('f', '1');
    expect((await trial.report(type))?.nack?.message).toBe('e is bad');
  },
);

conform(
  'XDS-24',
  'an invented nonce is neither ACK nor NACK, and the right one works afterwards',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribeSilently(type);
    const answer = await session.next();
    session.ack({ ...answer, nonce: 'invented' });
    session.nack({ ...answer, nonce: 'invented' }, 'invented');
    await trial.silence(session);
    const report = await trial.report(type);
    expect([report?.ackedVersion, report?.nack]).toEqual(['', undefined]);
    await trial.counts('staleNonces', 2);
    session.ack(answer);
    await trial.silence(session);
    expect((await trial.report(type))?.ackedVersion).toBe(answer.version);
  },
);

conform(
  'XDS-25',
  'unsubscribing in passing and subscribing again is answered again',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { e: '1' } });
    const session = trial.open();
    session.subscribe(type, ['e']);
    const first = await trial.accept(session, type);
    await trial.silence(session);
    await trial.set({ [type]: { e: '2' } });
    const second = await session.next();
    // Written before `second` was read: it carries the nonce of `first`.
    session.ack(first);
    session.unsubscribe(type, ['e']);
    session.ack(second);
    session.subscribe(type, ['e']);
    expect((await trial.accept(session, type)).resources).toEqual({ e: '2' });
    await trial.silence(session);
  },
);

conform(
  'XDS-25',
  'an unsubscription with a stale nonce is not lost',
  { protocols: ['sotw'], types: named },
  async (trial, type) => {
    await trial.set({ [type]: { e: '1' } });
    const session = trial.open();
    session.subscribe(type, ['e']);
    await trial.accept(session, type);
    await trial.silence(session);
    await trial.set({ [type]: { e: '2' } });
    const second = await session.next();
    // Unsubscribed before `second` was read, subscribed anew after it.
    session.unsubscribe(type, ['e']);
    session.subscribeWithNonce(type, ['e'], second.nonce);
    expect((await session.next()).resources).toEqual({ e: '2' });
  },
);

conform(
  'XDS-25',
  'one response of a type is outstanding, and the changes meanwhile merge into the next',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { e: '1' } });
    const session = trial.open();
    session.subscribe(type, ['e']);
    const first = await session.next();
    for (const word of ['2', '3', '4']) await trial.set({ [type]: { e: word } });
    await trial.silence(session);
    session.ack(first);
    expect((await trial.accept(session, type)).resources).toEqual({ e: '4' });
    await trial.silence(session);
  },
);

conform('XDS-44', 'an ACK that also subscribes is both', { types: named }, async (trial, type) => {
  await trial.set({ [type]: { e: '1', f: '1' } });
  const session = trial.open();
  session.subscribe(type, ['e']);
  const { nonce, version } = await session.next();
  session.subscribeWithNonce(type, ['f'], nonce);
  const second = await session.next();
  expect(second.resources).toHaveProperty('f', '1');
  expect((await trial.report(type))?.ackedVersion).toBe(version);
});

conform(
  'XDS-44',
  'a subscription with a stale nonce is taken',
  { protocols: ['delta'], types: named },
  async (trial, type) => {
    await trial.set({ [type]: { e: '1', f: '1' } });
    const session = trial.open();
    session.subscribe(type, ['e']);
    await trial.accept(session, type);
    session.subscribeWithNonce(type, ['f'], 'invented');
    expect((await trial.accept(session, type)).resources).toEqual({ f: '1' });
    await trial.silence(session);
  },
);
