/** What is asked for and what comes: XDS-12 to XDS-18, XDS-27 to XDS-35. */
import { expect } from 'vitest';
import { conform } from './conform.ts';
import { typeNameOf, typeUrlOf } from './contents.ts';

const four = { A: '1', B: '1', C: '1', D: '1' };

const wildcard = ['listener', 'cluster'] as const;
const named = ['endpoints', 'route', 'secret', 'extension'] as const;

conform('XDS-12', 'two types on one stream have versions and nonces of their own', {}, async (trial) => {
  await trial.set({ cluster: four, secret: four });
  const session = trial.open();
  session.subscribeSilently('cluster');
  const clusters = await session.next();
  session.subscribe('secret', ['A', 'B', 'C', 'D']);
  const secrets = await session.next();
  expect([clusters.type, secrets.type]).toEqual(['cluster', 'secret']);
  expect(clusters.nonce).not.toBe(secrets.nonce);
  // Answered in the other order; neither is mistaken for the other.
  session.ack(secrets);
  session.ack(clusters);
  await trial.silence(session);
  await trial.counts('staleNonces', 0);
});

const single = {
  service: 'envoy.service.secret.v3.SecretDiscoveryService',
  method: { sotw: 'StreamSecrets', delta: 'DeltaSecrets' },
} as const;

conform(
  'XDS-12',
  'a service for one type answers as the aggregated one does, or says UNIMPLEMENTED',
  { variant: 'SDS' },
  async (trial) => {
    await trial.set({ secret: { A: '1' } });
    const stream = trial.stream({ service: single.service, method: single.method[trial.protocol] });
    const names = trial.protocol === 'sotw' ? { resourceNames: ['A'] } : { resourceNamesSubscribe: ['A'] };
    stream.send({ node: { id: trial.node }, typeUrl: typeUrlOf('secret'), ...names });
    const outcome = await stream.next().then(
      ({ typeUrl }) => typeNameOf(typeUrl),
      () => stream.status().then(({ code }) => code),
    );
    expect(['secret', 'UNIMPLEMENTED']).toContain(outcome);
    trial.notes.add(outcome === 'secret' ? 'served' : 'UNIMPLEMENTED');
  },
);

conform(
  'XDS-13',
  'every response says who answers, and carries version, nonce and resources of the type asked for',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const session = trial.open();
    session.subscribeSilently(type);
    // That each resource is of this type, has a name, and has it once is looked at in every response of every case.
    const answer = await trial.accept(session, type);
    expect(answer.resources).toEqual(four);
    expect([answer.version, answer.nonce]).not.toContain('');
    const stream = trial.stream();
    stream.send({ node: { id: trial.node }, typeUrl: typeUrlOf(type) });
    const { controlPlane } = await stream.next();
    expect(controlPlane?.identifier ?? '').not.toBe('');
  },
);

conform(
  'XDS-14',
  'a first request without names is answered with everything',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const session = trial.open();
    session.subscribeSilently(type);
    expect((await trial.accept(session, type)).resources).toEqual(four);
    await trial.silence(session);
  },
);

conform(
  'XDS-14',
  'a first wildcard request is answered even if there is nothing',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: {} });
    const session = trial.open();
    session.subscribeSilently(type);
    expect((await trial.accept(session, type)).resources).toEqual({});
  },
);

conform(
  'XDS-14',
  'the silent wildcard ends when a name is given, and does not come back',
  { protocols: ['sotw'], types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    session.subscribe(type, ['A']);
    expect((await trial.accept(session, type)).resources).toEqual({ A: '1' });
    session.unsubscribe(type, ['A']);
    await trial.silence(session);
    await trial.set({ [type]: { ...four, A: '2' } });
    await trial.silence(session);
  },
);

conform('XDS-15', 'a request for "*" is answered with everything', { types: wildcard }, async (trial, type) => {
  await trial.set({ [type]: four });
  const session = trial.open();
  session.subscribe(type, ['*']);
  expect((await trial.accept(session, type)).resources).toEqual(four);
  await trial.silence(session);
});

conform('XDS-17', 'a first request without names is no subscription', { types: named }, async (trial, type) => {
  await trial.set({ [type]: four });
  const session = trial.open();
  session.subscribeSilently(type);
  await trial.silence(session);
  await trial.set({ [type]: { ...four, A: '2' } });
  await trial.silence(session);
  session.subscribe(type, ['A']);
  expect((await trial.accept(session, type)).resources).toEqual({ A: '2' });
});

conform('XDS-18', 'a request for names is answered with exactly those', { types: wildcard }, async (trial, type) => {
  await trial.set({ [type]: four });
  const session = trial.open();
  session.subscribe(type, ['B', 'D']);
  expect((await trial.accept(session, type)).resources).toEqual({ B: '1', D: '1' });
  await trial.set({ [type]: { ...four, A: '2' } });
  await trial.silence(session);
});

conform(
  'XDS-27',
  'a name that is added is answered at once, though nothing changed',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1', B: '1' } });
    const session = trial.open();
    session.subscribe(type, ['A']);
    await trial.accept(session, type);
    session.subscribe(type, ['B']);
    expect((await trial.accept(session, type)).resources).toHaveProperty('B', '1');
    await trial.silence(session);
  },
);

conform('XDS-28', 'a dropped name is silent, and the kept ones still update', { types: named }, async (trial, type) => {
  await trial.set({ [type]: { A: '1', B: '1' } });
  const session = trial.open();
  session.subscribe(type, ['A', 'B']);
  await trial.accept(session, type);
  session.unsubscribe(type, ['A']);
  await trial.silence(session);
  await trial.set({ [type]: { A: '2', B: '1' } });
  await trial.silence(session);
  await trial.set({ [type]: { A: '2', B: '2' } });
  expect((await trial.accept(session, type)).resources).toEqual({ B: '2' });
});

conform(
  'XDS-29',
  'a name dropped and taken again is sent again, though it did not change',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1', B: '1' } });
    const session = trial.open();
    session.subscribe(type, ['A', 'B']);
    await trial.accept(session, type);
    session.unsubscribe(type, ['A']);
    await trial.silence(session);
    session.subscribe(type, ['A']);
    expect((await trial.accept(session, type)).resources).toHaveProperty('A', '1');
  },
);

conform(
  'XDS-30',
  'a name that does not exist yet is sent once it does, without being asked for again',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribe(type, ['A', 'Z']);
    expect((await trial.accept(session, type)).resources).toEqual({ A: '1' });
    await trial.silence(session);
    await trial.set({ [type]: { A: '1', Z: '1' } });
    expect((await trial.accept(session, type)).resources).toHaveProperty('Z', '1');
    await trial.silence(session);
  },
);

conform(
  'XDS-31',
  'of several resources the one that changed is sent, and none is taken for removed',
  { types: named },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1', B: '1', C: '1' } });
    const session = trial.open();
    session.subscribe(type, ['A', 'B', 'C']);
    await trial.accept(session, type);
    await trial.set({ [type]: { A: '1', B: '1', C: '2' } });
    const answer = await trial.accept(session, type);
    expect(answer.resources).toHaveProperty('C', '2');
    expect(answer.removed).toEqual([]);
    await trial.silence(session);
  },
);

conform(
  'choice',
  'of named types only what changed is sent',
  { protocols: ['sotw'], types: named },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1', B: '1', C: '1' } });
    const session = trial.open();
    session.subscribe(type, ['A', 'B', 'C']);
    await trial.accept(session, type);
    await trial.set({ [type]: { A: '1', B: '1', C: '2' } });
    expect((await trial.accept(session, type)).resources).toEqual({ C: '2' });
  },
);

conform('XDS-31', 'when one changed, all are sent', { protocols: ['sotw'], types: wildcard }, async (trial, type) => {
  await trial.set({ [type]: four });
  const session = trial.open();
  session.subscribeSilently(type);
  await trial.accept(session, type);
  await trial.set({ [type]: { ...four, C: '2' } });
  expect((await trial.accept(session, type)).resources).toEqual({ ...four, C: '2' });
  await trial.silence(session);
});

conform(
  'XDS-32',
  'a deleted resource is gone from the next response, and so is the last one',
  { types: wildcard },
  async (trial, type) => {
    const others = type === 'cluster' ? { listener: { L: '1' }, route: { r: '1' } } : {};
    await trial.set({ ...others, [type]: { A: '1', B: '1' } });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    // What might use a cluster must have been asked for: until then it may stay.
    if (type === 'cluster') {
      session.subscribeSilently('listener');
      await trial.accept(session, 'listener');
      session.subscribe('route', ['r']);
      await trial.accept(session, 'route');
    }
    await trial.set({ ...others, [type]: { A: '1' } });
    const one = await trial.accept(session, type);
    await trial.set({ ...others, [type]: {} });
    const none = await trial.accept(session, type);
    if (trial.protocol === 'sotw') expect([one.resources, none.resources]).toEqual([{ A: '1' }, {}]);
    else expect([one.removed, none.removed]).toEqual([['B'], ['A']]);
    await trial.silence(session);
  },
);

conform(
  'choice',
  'a type that the state does not speak of is not emptied',
  { types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const session = trial.open();
    session.subscribeSilently(type);
    await trial.accept(session, type);
    await trial.set({ secret: four });
    await trial.silence(session);
  },
);

conform(
  'XDS-33',
  'of two resources with one name, one is sent',
  { types: [...wildcard, ...named] },
  async (trial, type) => {
    await trial.setTwice(type, 'A', ['1', '2']);
    const session = trial.open();
    session.subscribe(type, ['A']);
    // A name that came twice would have been refused when the response was read.
    expect(Object.keys((await trial.accept(session, type)).resources)).toEqual(['A']);
    await trial.silence(session);
  },
);

conform('XDS-34', 'equal content told a thousand times is no push', {}, async (trial) => {
  await trial.set({ listener: four, endpoints: four });
  const session = trial.open();
  session.subscribeSilently('listener');
  session.subscribe('endpoints', ['A', 'B', 'C', 'D']);
  const before = await trial.accept(session, 'listener');
  await trial.accept(session, 'endpoints');
  await trial.silence(session);
  await trial.repeat({ listener: four, endpoints: four }, 1_000);
  await trial.silence(session);
  await trial.set({ listener: { ...four, A: '2' }, endpoints: four });
  await trial.accept(session, 'listener');
  await trial.set({ listener: four, endpoints: four });
  expect((await trial.accept(session, 'listener')).version).toBe(before.version);
});

conform(
  'XDS-34',
  'another replica with the same content has the same versions, and sends no resource again',
  { protocols: ['delta'], types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const replica = await trial.replica();
    await trial.ready();
    const session = trial.open();
    session.subscribeSilently(type);
    const { versions } = await trial.accept(session, type);
    const other = trial.open({ address: replica });
    other.subscribeSilently(type, { versions });
    await trial.nothingNew(other, type);
  },
);

conform(
  'XDS-34',
  'another replica with the same content has the same version',
  { protocols: ['sotw'], types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const replica = await trial.replica();
    await trial.ready();
    const versions = [];
    for (const address of [trial.address, replica]) {
      const session = trial.open({ address });
      session.subscribeSilently(type);
      versions.push((await trial.accept(session, type)).version);
    }
    expect(versions[1]).toBe(versions[0]);
  },
);

conform(
  'choice',
  'on a new stream the present version is answered by silence',
  { protocols: ['sotw'], types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const session = trial.open();
    session.subscribeSilently(type);
    const { version, nonce } = await trial.accept(session, type);
    const again = trial.open();
    again.subscribeSilently(type, { version, nonce });
    await trial.silence(again);
    const changed = { ...four, A: '2' };
    await trial.set({ [type]: changed });
    expect((await trial.accept(again, type)).resources).toEqual(changed);
  },
);

conform(
  'XDS-35',
  'on a new stream an older version is answered with the present one',
  { protocols: ['sotw'], types: wildcard },
  async (trial, type) => {
    await trial.set({ [type]: four });
    const session = trial.open();
    session.subscribeSilently(type);
    const { version, nonce } = await trial.accept(session, type);
    const changed = { ...four, A: '2' };
    await trial.set({ [type]: changed });
    const older = trial.open();
    older.subscribeSilently(type, { version, nonce });
    expect((await trial.accept(older, type)).resources).toEqual(changed);
  },
);

conform(
  'XDS-35',
  'on a new stream named types are answered whatever version is told: warming waits for it',
  { protocols: ['sotw'], types: named },
  async (trial, type) => {
    await trial.set({ [type]: { A: '1' } });
    const session = trial.open();
    session.subscribe(type, ['A']);
    const { version, nonce } = await trial.accept(session, type);
    const again = trial.open();
    again.subscribe(type, ['A'], { version, nonce });
    expect((await trial.accept(again, type)).resources).toEqual({ A: '1' });
  },
);
