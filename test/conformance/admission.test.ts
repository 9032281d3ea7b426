/** Who may open a stream, and until when: XDS-07 to XDS-09. */
import { credentials } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { type Caller, holderHeader } from './adapter.ts';
import { conform } from './conform.ts';
import { typeUrlOf } from './contents.ts';
import type { Trial } from './trial.ts';

/** @returns `served` or the status; a status that the server did not give is that of a connection refused. */
async function outcomeOf(trial: Trial, { address, node, tls, metadata }: Caller): Promise<string> {
  const security = tls === undefined ? {} : { credentials: credentials.createSsl(Buffer.from(tls.caPem)) };
  const stream = trial.stream({ address, metadata, ...security });
  stream.send({ node, typeUrl: typeUrlOf('listener') });
  return stream.next().then(
    () => 'served',
    async () => {
      const { code, details } = await stream.status();
      if (code === 'UNAVAILABLE') return 'no connection';
      expect(details).toBe('not admitted');
      return code;
    },
  );
}

conform(
  'XDS-07',
  'a caller is served as whom its credentials name, and refused where its node claims more',
  {},
  async (trial) => {
    const callers = (await trial.callers()).filter(({ outcome }) => ['served', 'PERMISSION_DENIED'].includes(outcome));
    expect(callers.length).toBeGreaterThan(1);
    for (const caller of callers) expect(await outcomeOf(trial, caller), caller.what).toBe(caller.outcome);
  },
);

conform(
  'XDS-08',
  'a caller without good credentials is refused, and reads the same body whatever the reason',
  {},
  async (trial) => {
    const callers = (await trial.callers()).filter(({ outcome }) =>
      ['UNAUTHENTICATED', 'no connection'].includes(outcome),
    );
    expect(callers.length).toBeGreaterThan(1);
    for (const caller of callers) expect(await outcomeOf(trial, caller), caller.what).toBe(caller.outcome);
  },
);

conform('XDS-08', 'a caller that cannot be judged is refused', {}, async (trial) => {
  await trial.set({ listener: { A: '1' } });
  await trial.judge({ kind: 'ill' });
  const session = trial.open();
  session.subscribeSilently('listener');
  expect(await session.status()).toEqual({ code: 'UNAUTHENTICATED', details: 'not admitted' });
});

conform(
  'XDS-08',
  'a caller whose credentials are no good is refused before it has sent a byte, and leaves nothing',
  {},
  async (trial) => {
    await trial.judge({ kind: 'refuse-unheard' });
    const silent = trial.stream({ metadata: { [holderHeader]: trial.node } });
    expect(await silent.status()).toEqual({ code: 'UNAUTHENTICATED', details: 'not admitted' });
    await trial.counts('timers', 0);
  },
);

conform('XDS-09', 'a stream ends with UNAUTHENTICATED when its credentials expire', {}, async (trial) => {
  const lifeMs = 600_000;
  await trial.set({ listener: { A: '1' } });
  await trial.judge({ kind: 'admit', lifeMs });
  const session = trial.open();
  session.subscribeSilently('listener');
  await trial.accept(session, 'listener');
  await trial.pass(lifeMs - 1);
  await trial.silence(session);
  await trial.pass(1);
  expect((await session.status()).code).toBe('UNAUTHENTICATED');
});

conform('XDS-09', 'a stream whose caller would not be admitted any more ends within a minute', {}, async (trial) => {
  await trial.set({ listener: { A: '1' } });
  await trial.judge({ kind: 'admit', lifeMs: 600_000 });
  const session = trial.open();
  session.subscribeSilently('listener');
  await trial.accept(session, 'listener');
  await trial.judge({ kind: 'refuse', status: 'PERMISSION_DENIED', reason: 'its service account is gone' });
  await trial.silence(session);
  await trial.pass(60_000);
  expect(await session.status()).toEqual({ code: 'PERMISSION_DENIED', details: 'not admitted' });
});

conform('XDS-09', 'a stream ends when its client is deleted', {}, async (trial) => {
  await trial.set({ listener: { A: '1' } });
  const session = trial.open();
  session.subscribeSilently('listener');
  await trial.accept(session, 'listener');
  await trial.delete();
  expect((await session.status()).code).toBe('UNAVAILABLE');
});
