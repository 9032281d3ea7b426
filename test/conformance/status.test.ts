/** What the server says of its clients, and of what it does not serve: XDS-56. */
import { expect } from 'vitest';
import { NotOffered } from './adapter.ts';
import { conform } from './conform.ts';
import type { Trial } from './trial.ts';

async function stateOf(trial: Trial, type: 'listener' | 'route'): Promise<string | undefined> {
  return (await trial.report(type))?.state;
}

conform(
  'XDS-56',
  'of each type it says whether it is synced, stale, refused or not sent, and why',
  {},
  async (trial) => {
    await trial.set({ listener: { A: '1' }, route: {} });
    const session = trial.open();
    session.subscribeSilently('listener');
    const first = await session.next();
    if ((await stateOf(trial, 'listener')) === undefined)
      throw new NotOffered('the server keeps no state of its clients');
    expect(await stateOf(trial, 'listener')).toBe('STALE');
    session.ack(first);
    session.subscribeSilently('route');
    await trial.silence(session);
    expect(await stateOf(trial, 'listener')).toBe('SYNCED');
    expect(await stateOf(trial, 'route')).toBe('NOT_SENT');
    await trial.set({ listener: { A: 'bad' }, route: {} });
    session.nack(await session.next(), 'A is bad');
    await trial.silence(session);
    expect(await trial.report('listener')).toMatchObject({ state: 'NACKED', nack: { message: 'A is bad' } });
  },
);

conform(
  'XDS-56',
  'a load report is answered, or said to be UNIMPLEMENTED',
  { variant: 'LRS', protocols: ['sotw'] },
  async (trial) => {
    const service = 'envoy.service.load_stats.v3.LoadReportingService';
    const stream = trial.stream({ service, method: 'StreamLoadStats' });
    stream.send({ node: { id: trial.node } });
    const outcome = await stream.next().then(
      () => 'answered',
      () => stream.status().then(({ code }) => code),
    );
    expect(['answered', 'UNIMPLEMENTED']).toContain(outcome);
    trial.notes.add(outcome);
  },
);
