/** Resources that die unless their client hears of them: XDS-52 to XDS-54, as far as the protocol goes. */
import { expect } from 'vitest';
import { conform } from './conform.ts';
import type { Session } from './session.ts';
import type { Trial } from './trial.ts';

const features = ['xds.config.supports-resource-in-sotw', 'xds.config.supports-resource-ttl'];

/** As a drill has it; short where time cannot be moved. */
function ttlOf(trial: Trial): number {
  return trial.server.clock ? 10_000 : 900;
}

function fault(word: string, ttlMs: number) {
  return { runtime: { drill: { word, ttlMs, otherwise: 'calm' } } };
}

/** A client that holds the layer `drill`. */
async function holding(trial: Trial) {
  await trial.set(fault('fault', ttlOf(trial)));
  const session = trial.open({ clientFeatures: features });
  trial.watch(session, ['drill']);
  return { session, first: await trial.accept(session, 'runtime') };
}

conform('XDS-52', 'a resource with a TTL says so to a client that understands it', {}, async (trial) => {
  const { first } = await holding(trial);
  expect(first).toMatchObject({ resources: { drill: 'fault' }, ttls: { drill: ttlOf(trial) } });
});

for (const clientFeatures of [[], features.slice(0, 1), features.slice(1)]) {
  const those = clientFeatures.length === 0 ? 'neither feature' : `only ${clientFeatures.join()}`;
  conform(
    'XDS-52',
    `a client with ${those} is told no TTL, and none of what must die of one`,
    { protocols: ['sotw'] },
    async (trial) => {
      await trial.set(fault('fault', ttlOf(trial)));
      const session = trial.open({ clientFeatures });
      trial.watch(session, ['drill']);
      const answer = await trial.accept(session, 'runtime');
      expect(answer.resources).toHaveProperty('drill', 'calm');
      expect(answer.ttls).toEqual({});
    },
  );
}

conform(
  'XDS-53',
  'after a third of its TTL it is kept alive by the same version without content, and again',
  {},
  async (trial) => {
    const { session, first } = await holding(trial);
    await trial.acknowledged('runtime', first.version);
    for (let beat = 0; beat < 3; beat += 1) {
      await trial.pass(Math.ceil(ttlOf(trial) / 3));
      const heartbeat = await trial.accept(session, 'runtime');
      expect(heartbeat).toMatchObject({ heartbeats: ['drill'], ttls: { drill: ttlOf(trial) } });
      expect(heartbeat.versions['drill']).toBe(first.versions['drill']);
    }
  },
);

conform(
  'XDS-53',
  'a TTL that changed is sent, and one that is gone is taken back by the resource without it',
  {},
  async (trial) => {
    const { session } = await holding(trial);
    await trial.set(fault('fault', 2 * ttlOf(trial)));
    expect(await content(trial, session)).toMatchObject({
      resources: { drill: 'fault' },
      ttls: { drill: 2 * ttlOf(trial) },
    });
    await trial.set({ runtime: { drill: 'calm' } });
    await calm(trial, session);
    await trial.pass(ttlOf(trial));
    await trial.silence(session);
  },
);

conform(
  'XDS-53',
  'what was not kept alive for a whole TTL is sent whole, never as a bare heartbeat',
  {},
  async (trial) => {
    await trial.set(fault('fault', ttlOf(trial)));
    const session = trial.open({ clientFeatures: features });
    trial.watch(session, ['drill']);
    // Nobody knows whether the client holds it until it says so.
    const first = await session.next();
    await trial.pass(ttlOf(trial));
    session.ack(first);
    await trial.acknowledged('runtime', first.version);
    await trial.pass(1);
    expect(await trial.accept(session, 'runtime')).toMatchObject({ resources: { drill: 'fault' }, heartbeats: [] });
  },
);

conform('XDS-54', 'a fault that is lifted is replaced at once by what is served without it', {}, async (trial) => {
  const { session } = await holding(trial);
  await trial.set({ runtime: { drill: 'calm' } });
  await calm(trial, session);
});

/** The next answer that is no heartbeat. */
async function content(trial: Trial, session: Session) {
  for (;;) {
    const answer = await trial.accept(session, 'runtime');
    if (Object.keys(answer.resources).length > 0) return answer;
  }
}

/** The layer as it is without a fault, with no TTL. */
async function calm(trial: Trial, session: Session): Promise<void> {
  const { resources, ttls } = await content(trial, session);
  expect(resources).toHaveProperty('drill', 'calm');
  expect(ttls).toEqual({});
}
