/**
 * Quarantines of one control plane: kept in its state folder, told to evidence.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import { ownerName } from '../admin/person.ts';
import type { QuarantineDesk, ToldQuarantine } from '../admin/quarantine.ts';
import { QuarantineKeeper, quarantineRecordBytesMax } from '../controller/quarantine-keeper.io.ts';
import type { QuarantineEvent } from '../evidence/event.ts';
import { StateFolder } from '../identity/state-folder.io.ts';
import { systemPorts } from '../identity/system-ports.io.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemClock } from '../system-clock.ts';
import type { Evidence } from './open-evidence.ts';

/** Most events that may have one id: what is told twice is one. */
const eventsOfIdMax = 16;

export interface QuarantineHost {
  readonly stateFolder: string;
  readonly stateKeyFile: string | undefined;
  readonly evidence: Pick<Evidence, 'teller' | 'seal' | 'store'>;
  readonly log: Logger;
  snapshot(): Snapshot | undefined;
  lookAgain(): void;
}

export interface Quarantines {
  readonly keeper: QuarantineKeeper;
  readonly desk: QuarantineDesk;
}

/** @throws StateError where the record of them is damaged. */
export async function openQuarantines(host: QuarantineHost): Promise<Quarantines> {
  const { stateFolder, stateKeyFile, evidence, log, snapshot } = host;
  const { teller, seal, store } = evidence;
  const state = await StateFolder.open(stateFolder, stateKeyFile, systemPorts.entropy, quarantineRecordBytesMax);
  const keeper = await QuarantineKeeper.open({
    state,
    nowMs: systemClock.nowMs,
    changed: host.lookAgain,
    ended: (quarantine) => told('ended', quarantine, undefined),
    unwritten: (cause) =>
      log.error({ err: cause }, 'quarantines could not be written; a restart would not know of the last change'),
  });

  function told(act: QuarantineEvent['act'], about: ToldQuarantine, by: string | undefined): void {
    const { spiffeId, tenant, reason, untilMs } = about;
    const common = { kind: 'quarantine', id: teller.newId(), atMs: teller.clock.nowMs(), tenant } as const;
    teller.record({
      ...{ ...common, act, identity: spiffeId, reason },
      ...(by === undefined ? {} : { person: sealed(tenant, by) }),
      ...(untilMs === undefined ? {} : { quarantinedUntilMs: untilMs }),
    });
  }

  function sealed(tenant: string, name: string): string {
    if (name === ownerName) return name;
    try {
      return seal.seal(tenant, name);
    } catch {
      return 'unsealed';
    }
  }

  return {
    keeper,
    desk: {
      keeper,
      nowMs: systemClock.nowMs,
      snapshot,
      told,
      async eventsNamed(id, tenant) {
        const found = await store.query({ id, limit: eventsOfIdMax, ...(tenant === undefined ? {} : { tenant }) });
        return found.kind === 'events' ? found.events.map(({ event }) => event) : undefined;
      },
    },
  };
}
