/**
 * Quarantines of a mesh: kept where all replicas read them, told to evidence.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import { ownerName } from '../admin/person.ts';
import type { QuarantineDesk, ToldQuarantine } from '../admin/quarantine.ts';
import { QuarantineKeeper, quarantineRecord } from '../controller/quarantine-keeper.io.ts';
import type { QuarantineEvent } from '../evidence/event.ts';
import type { SharedRecords } from '../identity/shared-records.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemClock } from '../system-clock.ts';
import type { Evidence } from './open-evidence.ts';

/** Most events that may have one id: what is told twice is one. */
const eventsOfIdMax = 16;

/** Between two tries to read what another replica wrote, or to write what was done here, in ms. */
const retryMs = 5_000;

export interface QuarantineHost {
  readonly records: SharedRecords;
  readonly evidence: Pick<Evidence, 'teller' | 'seal' | 'store'>;
  readonly log: Logger;
  snapshot(): Snapshot | undefined;
  lookAgain(): void;
}

export interface Quarantines {
  readonly keeper: QuarantineKeeper;
  readonly desk: QuarantineDesk;
  /** Another replica has written this record. */
  recordChanged(record: string): void;
  stop(): void;
}

/** @throws StateError where the record of them is damaged. */
export async function openQuarantines(host: QuarantineHost): Promise<Quarantines> {
  const { records, evidence, log, snapshot } = host;
  const { teller, seal, store } = evidence;
  const keeper = await QuarantineKeeper.open({
    state: records,
    nowMs: systemClock.nowMs,
    changed: host.lookAgain,
    ended: (quarantine) => told('ended', quarantine, undefined),
    unwritten(cause) {
      log.error(
        { err: cause },
        'quarantines could not be written; neither a restart nor another replica would know of them',
      );
      refreshLater();
    },
  });
  let isStopped = false;
  let cancelRefresh = (): void => undefined;

  function refreshLater(): void {
    cancelRefresh();
    if (!isStopped) cancelRefresh = systemClock.setTimer(retryMs, refresh);
  }

  /** Until it succeeds: whom another replica has cut off is cut off here, and the other way round. */
  function refresh(): void {
    keeper.refresh().catch((cause: unknown) => {
      log.error({ err: cause }, 'quarantines of another replica could not be read; those that were known stand');
      refreshLater();
    });
  }

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
    recordChanged(record) {
      if (record === quarantineRecord) refresh();
    },
    stop() {
      isStopped = true;
      cancelRefresh();
    },
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
