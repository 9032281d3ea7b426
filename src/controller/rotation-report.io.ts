/** Rotations of CAs as JSON lines: each step as it is taken, and whom a step waits for whenever that changes. */
import type { Logger } from 'pino';
import { tellHoldout } from './rotation-holdouts.ts';
import type { RotationEvent } from './rotations.ts';

/** Most holdouts that one line names. */
const namedMax = 20;

export function logRotations(log: Logger): (event: RotationEvent) => void {
  return (event) => {
    const { tenant, step, aborted, leaving, staying } = event.rotation;
    const rotation = { tenant, step, aborted, leaving, staying };
    switch (event.kind) {
      case 'rested':
        log.info({ ...rotation, waitsFor: event.holdouts.slice(0, namedMax).map(tellHoldout) }, 'rotation rests');
        return;
      case 'advanced':
        if (event.leftBehind.length > 0) {
          const leftBehind = event.leftBehind.slice(0, namedMax).map(tellHoldout);
          log.warn(
            { ...rotation, leftBehind },
            'rotation goes on without proxies that were away for a whole leaf life',
          );
        }
        log.info(rotation, 'rotation step done');
        return;
      case 'failed':
        log.error({ ...rotation, err: event.cause }, 'a rotation could not take its next step; tried again soon');
    }
  };
}
