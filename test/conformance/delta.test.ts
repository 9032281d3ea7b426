/** What only delta can say: XDS-36 to XDS-43. */
import { expect } from 'vitest';
import { conform } from './conform.ts';
import type { TypeName } from './contents.ts';
import type { Session } from './session.ts';
import type { Trial } from './trial.ts';

const protocols = ['delta'] as const;
const wildcard = ['listener', 'cluster'] as const;
const named = ['endpoints', 'route', 'secret', 'extension'] as const;
const three = { A: '1', B: '1', C: '1' };

conform(
  'XDS-36',
  'the silent wildcard brings every resource with name and version, and a nonce',
  { protocols, types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: three });
    const session = trial.open();
    session.subscribeSilently(type);
    const answer = await trial.accept(session, type);
    expect(answer.resources).toEqual(three);
    expect([answer.nonce, ...Object.values(answer.versions)]).not.toContain('');
  },
);

conform(
  'XDS-37',
  'names live beside the silent wildcard, and remain when "*" is unsubscribed',
  { protocols, types: ['listener'] },
  async (trial, type) => {
    await trial.set({ [type]: three });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    session.subscribe(type, ['A']);
    expect((await trial.accept(session, type)).resources).toEqual({ A: '1' });
    await trial.set({ [type]: { ...three, B: '2' } });
    expect((await trial.accept(session, type)).resources).toEqual({ B: '2' });
    session.unsubscribe(type, ['*']);
    await trial.silence(session);
    await trial.set({ [type]: { ...three, A: '2', B: '3' } });
    expect((await trial.accept(session, type)).resources).toEqual({ A: '2' });
    session.unsubscribe(type, ['A']);
    await trial.silence(session);
    await trial.set({ [type]: { A: '3', B: '4' } });
    await trial.silence(session);
  },
);

conform(
  'XDS-37',
  'a name unsubscribed while "*" stays is sent again: the client cannot know that it is covered',
  { protocols, types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: three });
    const session = trial.open();
    session.subscribe(type, ['*', 'A']);
    await trial.accept(session, type);
    session.unsubscribe(type, ['A']);
    expect((await trial.accept(session, type)).resources).toEqual({ A: '1' });
  },
);

conform(
  'XDS-39',
  'unsubscribing is answered by silence, and of an unknown name as well',
  { protocols, types: named },
  async (trial, type) => {
    await trial.set({ [type]: three });
    const session = trial.open();
    session.subscribe(type, ['A']);
    await trial.accept(session, type);
    session.unsubscribe(type, ['A']);
    session.unsubscribe(type, ['nobody']);
    await trial.silence(session);
  },
);

conform(
  'XDS-40',
  'a name that is held and current is sent again when it is subscribed again',
  { protocols, types: named },
  async (trial, type) => {
    await trial.set({ [type]: three });
    const session = trial.open();
    session.subscribe(type, ['A']);
    await trial.accept(session, type);
    session.subscribe(type, ['A']);
    expect((await trial.accept(session, type)).resources).toEqual({ A: '1' });
  },
);

conform(
  'XDS-41',
  'a missing name is answered as removed, then sent, removed and sent as it comes and goes',
  { protocols, types: named },
  async (trial, type) => {
    await trial.set({ [type]: {} });
    const session = trial.open();
    session.subscribe(type, ['Z']);
    expect(await gone(trial, session, type)).toEqual(['Z']);
    await trial.set({ [type]: { Z: '1' } });
    const came = await trial.accept(session, type);
    expect(came).toMatchObject({ resources: { Z: '1' }, removed: [] });
    await trial.silence(session);
    await trial.set({ [type]: {} });
    await forgets(trial);
    expect(await gone(trial, session, type)).toEqual(['Z']);
    await trial.set({ [type]: { Z: '2' } });
    const back = await trial.accept(session, type);
    expect(back).toMatchObject({ resources: { Z: '2' }, removed: [] });
    expect(back.versions['Z']).not.toBe(came.versions['Z']);
  },
);

conform(
  'XDS-42',
  'one change of 10 000 is a response with one resource',
  { protocols, types: ['cluster'] },
  async (trial, type) => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`r${index}`, '1']));
    await trial.set({ [type]: many });
    const session = trial.open();
    session.subscribeSilently(type);
    const all = await trial.accept(session, type);
    expect(Object.keys(all.resources)).toHaveLength(10_000);
    await trial.set({ [type]: { ...many, r77: '2' } });
    const one = await trial.accept(session, type);
    expect(one.resources).toEqual({ r77: '2' });
    expect(one.nonce).not.toBe(all.nonce);
    expect(one.versions['r77']).not.toBe(all.versions['r77']);
  },
);

conform(
  'XDS-43',
  'a reconnecting client is sent the difference to what it holds',
  { protocols, types: named },
  async (trial, type) => {
    const versions = await versionsOf(trial, type);
    await trial.set({ [type]: { A: '1', B: '2' } });
    const session = trial.open();
    session.subscribe(type, ['A', 'B', 'C'], { versions, nonce: 'of another stream' });
    const held = new Map([
      ['A', '1'],
      ['B', '1'],
      ['C', '1'],
    ]);
    const take = async () => {
      const { resources, removed } = await trial.accept(session, type);
      expect(resources).not.toHaveProperty('A');
      for (const [name, word] of Object.entries(resources)) held.set(name, word);
      for (const name of removed) held.delete(name);
    };
    await take();
    // What might still use C has not been asked for: a server may wait for that, and not for ever.
    if (held.has('C')) {
      await trial.silence(session);
      await forgets(trial);
      await take();
    }
    expect(Object.fromEntries(held)).toEqual({ A: '1', B: '2' });
    // All three are subscribed.
    await trial.set({ [type]: { A: '2', B: '2', C: '1' } });
    expect((await trial.accept(session, type)).resources).toEqual({ A: '2', C: '1' });
  },
);

conform('choice', 'what a client holds by name it had asked for', { protocols, types: named }, async (trial, type) => {
  const { A = '' } = await versionsOf(trial, type);
  const session = trial.open();
  session.subscribe(type, ['B'], { versions: { A } });
  expect((await trial.accept(session, type)).resources).toEqual({ B: '1' });
  await trial.set({ [type]: { ...three, A: '2' } });
  expect((await trial.accept(session, type)).resources).toEqual({ A: '2' });
});

conform(
  'XDS-43',
  'a reconnecting wildcard client is sent the difference, and nothing if there is none',
  { protocols, types: wildcard },
  async (trial, type) => {
    const versions = await versionsOf(trial, type);
    const session = trial.open();
    session.subscribeSilently(type, { versions });
    await trial.nothingNew(session, type);
    await trial.set({ [type]: { A: '1', B: '2' } });
    const first = await trial.accept(session, type);
    expect(first.resources).toEqual({ B: '2' });
    if (first.removed.length === 0) {
      await forgets(trial);
      expect(await gone(trial, session, type)).toEqual(['C']);
    } else expect(first.removed).toEqual(['C']);
  },
);

conform(
  'choice',
  'after a NACK the resources beside the refused one are tried again when that one is replaced',
  { protocols, types: named },
  async (trial, type) => {
    await trial.set({ [type]: three });
    const session = trial.open();
    session.subscribe(type, ['A', 'B', 'C']);
    await trial.accept(session, type);
    await trial.set({ [type]: { A: 'bad', B: '2', C: '1' } });
    session.nack(await session.next(), 'A is bad');
    await trial.silence(session);
    // An unrelated change does not drag them along.
    await trial.set({ [type]: { A: 'bad', B: '2', C: '2' } });
    expect((await trial.accept(session, type)).resources).toEqual({ C: '2' });
    await trial.silence(session);
    await trial.set({ [type]: { A: '3', B: '2', C: '2' } });
    expect((await trial.accept(session, type)).resources).toEqual({ A: '3' });
    expect((await trial.accept(session, type)).resources).toEqual({ B: '2' });
    await trial.silence(session);
  },
);

/** What a client that held everything tells of it when it comes back. */
async function versionsOf(trial: Trial, type: TypeName): Promise<Readonly<Record<string, string>>> {
  await trial.set({ [type]: three });
  const before = trial.open();
  before.subscribe(type, ['A', 'B', 'C']);
  const { versions } = await trial.accept(before, type);
  before.close();
  return versions;
}

/** A server may keep what is gone until it cannot be in use any more. */
async function forgets(trial: Trial): Promise<void> {
  const waitMs = trial.server.limits.ackWaitMs;
  if (waitMs !== undefined) await trial.pass(waitMs);
}

/** What the next response takes away; it brings nothing. */
async function gone(trial: Trial, session: Session, type: TypeName): Promise<readonly string[]> {
  const { resources, removed } = await trial.accept(session, type);
  expect(resources).toEqual({});
  return removed;
}
