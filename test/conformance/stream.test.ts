/** Who is served, and what ends a stream: XDS-01 to XDS-06, XDS-10, XDS-11. */
import { expect } from 'vitest';
import { conform } from './conform.ts';
import { typeUrlOf } from './contents.ts';
import { longForm } from './settings.ts';
import type { Trial } from './trial.ts';

conform('XDS-01', 'later requests without a node are served as the first node', {}, async (trial) => {
  await trial.set({ listener: { A: '1' }, cluster: { X: '1' } });
  const session = trial.open();
  session.subscribeSilently('cluster');
  await trial.accept(session, 'cluster');
  session.subscribeSilently('listener');
  expect((await trial.accept(session, 'listener')).resources).toEqual({ A: '1' });
});

for (const [what, node] of [
  ['no node', {}],
  ['an empty node id', { node: { id: '' } }],
] as const) {
  conform(
    'XDS-02',
    `a first request with ${what} ends the stream with INVALID_ARGUMENT, and leaves nothing`,
    {},
    async (trial) => {
      const stream = trial.stream();
      stream.send({ typeUrl: typeUrlOf('listener'), ...node });
      expect((await stream.status()).code).toBe('INVALID_ARGUMENT');
      await trial.counts('streams', 0);
      await trial.counts('timers', 0);
    },
  );
}

for (const [what, claims] of [
  ['another node', { id: 'another', cluster: '' }],
  ['another cluster of its own node', { id: undefined, cluster: 'another' }],
] as const) {
  conform(
    'XDS-03',
    `a later request that names ${what} is served as the first one, or ends the stream`,
    {},
    async (trial) => {
      await trial.set({ listener: { A: 'mine' } });
      const other = `${trial.node}-${claims.id}`;
      await trial.set({ listener: { B: 'of another' } }, { node: other });
      const session = trial.open({ cluster: 'first' });
      trial.watch(session, []);
      await trial.accept(session, 'runtime');
      session.claim('listener', { id: claims.id === undefined ? trial.node : other, cluster: claims.cluster });
      const outcome = await session.next().then(
        ({ resources }) => resources,
        () => session.status().then(() => 'ended'),
      );
      expect([{ A: 'mine' }, 'ended']).toContainEqual(outcome);
      if (claims.id !== undefined) await trial.counts('ignoredNodes', 1);
    },
  );
}

conform('XDS-04', 'an empty type_url ends the stream with INVALID_ARGUMENT', {}, async (trial) => {
  await trial.set({ listener: { A: '1' } });
  const stream = trial.stream();
  stream.send({ node: { id: trial.node } });
  expect((await stream.status()).code).toBe('INVALID_ARGUMENT');
});

conform(
  'XDS-05',
  'an unknown type is answered by silence, and so are a hundred; the others are served',
  {},
  async (trial) => {
    await trial.set({ listener: { A: '1' } });
    const stream = trial.stream();
    stream.send({ node: { id: trial.node }, typeUrl: typeUrlOf('listener') });
    const { nonce } = await stream.next();
    for (let index = 0; index < 100; index += 1) stream.send({ typeUrl: `type.googleapis.com/unknown.T${index}` });
    stream.send({ typeUrl: typeUrlOf('listener'), responseNonce: nonce });
    await trial.set({ listener: { A: '2' } });
    expect((await stream.next()).typeUrl).toBe(typeUrlOf('listener'));
    const { typesPerStream } = trial.server.limits;
    if (typesPerStream === undefined) return void trial.notes.add('the types of one stream are not bounded');
    expect(await trial.typesReported()).toBe(typesPerStream);
    await trial.counts('ignoredTypes', 101 - typesPerStream);
  },
);

conform('XDS-06', 'before the sources are read every stream is UNAVAILABLE, never empty', {}, async (trial) => {
  await trial.set({ listener: { A: '1' } });
  const address = await trial.replica();
  const early = trial.open({ address });
  early.subscribeSilently('listener');
  expect((await early.status()).code).toBe('UNAVAILABLE');
  await trial.ready();
  const late = trial.open({ address });
  late.subscribeSilently('listener');
  expect((await trial.accept(late, 'listener')).resources).toEqual({ A: '1' });
});

conform('XDS-06', 'a client of which nothing is known is not told that there is nothing', {}, async (trial) => {
  const session = trial.open();
  session.subscribeSilently('listener');
  const outcome = session.next().then(
    ({ resources }) => resources,
    () => session.status().then(({ code }) => code),
  );
  await session.said();
  await trial.set({ listener: { A: '1' } });
  // Refused for now, or answered once there is something.
  expect(['UNAVAILABLE', { A: '1' }]).toContainEqual(await outcome);
});

/** In one round. Fifty find what leaks each time; twenty rounds of the long form make the catalogue's ten thousand. */
const cycles = longForm ? 500 : 50;

conform('XDS-10', `${cycles} half-closed, cancelled and unread streams leave nothing behind`, {}, async (trial) => {
  await endStreams(trial, cycles);
  await trial.counts('streams', 0);
  await trial.counts('timers', 0);
});

conform('XDS-10', 'the memory of streams that ended is given back', {}, async (trial) => {
  await endStreams(trial, 50);
  await trial.keepsNothing();
});

/** Some end as soon as they have asked, some when they were answered; by half-closing and by cancelling. */
async function endStreams(trial: Trial, count: number): Promise<void> {
  await trial.set({ listener: { A: '1' } });
  for (let cycle = 1; cycle <= count; cycle += 1) {
    const stream = trial.stream();
    stream.send({ node: { id: trial.node }, typeUrl: typeUrlOf('listener') });
    if (cycle % 3 !== 0) await stream.next();
    if (cycle % 2 === 0) stream.halfClose();
    else stream.close();
    await stream.status();
    stream.close();
  }
}

conform('XDS-11', 'a second stream of the same client is served, and outlives the first', {}, async (trial) => {
  await trial.set({ listener: { A: '1' } });
  const [first, second] = [trial.open(), trial.open()];
  for (const session of [first, second]) {
    session.subscribeSilently('listener');
    await trial.accept(session, 'listener');
  }
  first.close();
  await trial.counts('streams', 1);
  await trial.set({ listener: { A: '2' } });
  expect((await trial.accept(second, 'listener')).resources).toEqual({ A: '2' });
});
