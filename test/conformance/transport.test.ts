/** What one client may cost the others: XDS-55. */
import { constants } from 'node:http2';
import { expect } from 'vitest';
import { holderHeader } from './adapter.ts';
import { conform } from './conform.ts';
import { typeUrlOf } from './contents.ts';
import { openUnreadStream } from './unread-stream.ts';

conform('XDS-55', 'one client has a bounded number of streams', {}, async (trial) => {
  const max = trial.limit('streamsPerClient');
  await trial.set({ listener: { A: '1' } });
  for (let count = 0; count < max; count += 1) {
    const session = trial.open();
    session.subscribeSilently('listener');
    await trial.accept(session, 'listener');
  }
  const further = trial.open();
  further.subscribeSilently('listener');
  expect((await further.status()).code).toBe('RESOURCE_EXHAUSTED');
});

conform(
  'XDS-55',
  'streams of one holder are counted before they have said anything, and given back when they end',
  {},
  async (trial) => {
    const max = trial.limit('streamsPerClient');
    const door = { metadata: { [holderHeader]: trial.node } };
    const silent = Array.from({ length: max + 1 }, () => trial.stream(door));
    const exhausted = await Promise.any(silent.map(async (stream) => (await stream.status()).code));
    expect(exhausted).toBe('RESOURCE_EXHAUSTED');
    for (const stream of silent) stream.close();
    await trial.counts('timers', 0);
    await trial.set({ listener: { A: '1' } });
    const again = trial.stream(door);
    again.send({ node: { id: trial.node }, typeUrl: typeUrlOf('listener') });
    await again.next();
  },
);

conform('XDS-55', 'a request over the limit ends the stream with RESOURCE_EXHAUSTED', {}, async (trial) => {
  const stream = trial.stream();
  stream.sendBytes(Buffer.alloc(trial.limit('requestBytes') + 1));
  expect((await stream.status()).code).toBe('RESOURCE_EXHAUSTED');
});

conform('XDS-55', 'more names than a type may have end the stream with RESOURCE_EXHAUSTED', {}, async (trial) => {
  const count = trial.limit('namesPerType') + 1;
  await trial.set({ endpoints: {} });
  const session = trial.open();
  session.subscribe(
    'endpoints',
    Array.from({ length: count }, (_, index) => `e${index}`),
  );
  expect((await session.status()).code).toBe('RESOURCE_EXHAUSTED');
});

conform('XDS-55', 'bytes that are no request end the stream, and say so', {}, async (trial) => {
  const stream = trial.stream();
  stream.sendBytes(Buffer.from([0xff, 0xff, 0xff]));
  expect(['INVALID_ARGUMENT', 'INTERNAL']).toContain((await stream.status()).code);
});

conform(
  'XDS-55',
  'a type_url of a megabyte is answered by silence or ends the stream, and the next client is served',
  {},
  async (trial) => {
    await trial.set({ listener: { A: '1' } });
    const stream = trial.stream();
    stream.send({ node: { id: trial.node }, typeUrl: 'x'.repeat(1024 * 1024) });
    const session = trial.open();
    session.subscribeSilently('listener');
    await trial.accept(session, 'listener');
  },
);

conform('XDS-55', 'a configuration of 50 MiB arrives whole', {}, async (trial) => {
  const megabyte = 'x'.repeat(1024 * 1024);
  const listeners = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`L${index}`, megabyte]));
  await trial.set({ listener: listeners });
  const session = trial.open();
  session.subscribeSilently('listener');
  expect(Object.keys((await trial.accept(session, 'listener')).resources)).toHaveLength(50);
  await trial.silence(session);
});

conform(
  'XDS-55',
  'a client that stops reading is owed one response of a type, and the others are served',
  {},
  async (trial) => {
    const big = 'x'.repeat(1024 * 1024);
    const slowNode = `${trial.node}-slow`;
    await trial.set({ listener: { A: big } }, { node: slowNode });
    const slow = openUnreadStream(trial.protocol, trial.address, slowNode);
    try {
      await trial.counts('pushes', 1, slowNode);
      for (let change = 0; change < 20; change += 1)
        await trial.set({ listener: { A: `${big}${change}` } }, { node: slowNode });
      await trial.set({ listener: { B: '1' } });
      const other = trial.open();
      other.subscribeSilently('listener');
      await trial.accept(other, 'listener');
      await trial.counts('pushes', 1, slowNode);
      await trial.silence(other);
    } finally {
      slow.close();
    }
  },
);

conform('XDS-55', 'a client that takes nothing for a while is cut off', {}, async (trial) => {
  const stallMs = trial.limit('writeStallMs');
  await trial.set({ listener: { A: 'x'.repeat(1024 * 1024) } });
  const slow = openUnreadStream(trial.protocol, trial.address, trial.node);
  try {
    await trial.counts('pushes', 1);
    await trial.pass(stallMs);
    await trial.counts('writeStalls', 1);
    expect(await slow.resetCode).toBe(constants.NGHTTP2_CANCEL);
    await trial.counts('streams', 0);
  } finally {
    slow.close();
  }
});

conform('XDS-55', 'a flood of pings and of requests starves nobody', {}, async (trial) => {
  const noisyNode = `${trial.node}-noisy`;
  await trial.set({ listener: { A: '1' } }, { node: noisyNode });
  await trial.set({ listener: { B: '1' } });
  const session = trial.open();
  session.subscribeSilently('listener');
  await trial.accept(session, 'listener');
  const pinging = openUnreadStream(trial.protocol, trial.address, noisyNode);
  const noisy = trial.stream();
  try {
    noisy.send({ node: { id: noisyNode }, typeUrl: typeUrlOf('listener') });
    const { nonce } = await noisy.next();
    for (let count = 0; count < 5_000; count += 1) {
      noisy.send({ typeUrl: typeUrlOf('listener'), responseNonce: count % 2 === 0 ? nonce : 'invented' });
    }
    let refused = false;
    for (let count = 0; count < 500 && !refused; count += 1)
      refused = await pinging.ping().then(
        () => false,
        () => true,
      );
    if (refused) trial.notes.add('the pinging connection was closed');
    await trial.set({ listener: { B: '2' } });
    expect((await trial.accept(session, 'listener')).resources).toEqual({ B: '2' });
  } finally {
    pinging.close();
  }
});

conform('XDS-55', 'a stream that asks for nothing is ended', {}, async (trial) => {
  const waitMs = trial.limit('admissionWaitMs');
  const stream = trial.stream();
  await trial.counts('timers', 1);
  await trial.pass(waitMs);
  expect((await stream.status()).code).toBe('DEADLINE_EXCEEDED');
});
