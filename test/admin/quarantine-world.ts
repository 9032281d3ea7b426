/** A desk over a state folder in memory, a clock that is set by hand, and what was told to evidence. */
import type { QuarantineDesk, ToldQuarantine } from '../../src/admin/quarantine.ts';
import { QuarantineKeeper } from '../../src/controller/quarantine-keeper.io.ts';
import type { EvidenceEvent } from '../../src/evidence/event.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';

/** Records as JSON, so that nothing is shared with whoever wrote them. */
export class MemoryState {
  readonly records = new Map<string, string>();
  /** A disk that takes nothing. */
  full = false;

  async read(name: string): Promise<unknown> {
    const text = this.records.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async replace(name: string, record: object): Promise<boolean> {
    if (this.full) throw new Error('no space');
    this.records.set(name, JSON.stringify(record));
    return true;
  }
}

export interface QuarantineWorld {
  readonly desk: QuarantineDesk;
  readonly state: MemoryState;
  readonly told: readonly (ToldQuarantine & { readonly act: string; readonly by: string })[];
  /** Times that something was in force which was not before, or the other way round. */
  changes: number;
  nowMs: number;
  readonly events: Map<string, readonly EvidenceEvent[]>;
}

export async function quarantineWorld(
  snapshot: Snapshot,
  nowMs: number,
  state = new MemoryState(),
): Promise<QuarantineWorld> {
  const told: (ToldQuarantine & { act: string; by: string })[] = [];
  const events: QuarantineWorld['events'] = new Map();
  const keeper = await QuarantineKeeper.open({
    state,
    nowMs: () => world.nowMs,
    changed() {
      world.changes += 1;
    },
    ended: (each) => told.push({ ...each, act: 'ended' }),
    unwritten: () => undefined,
  });
  const world: QuarantineWorld = {
    ...{ state, told, nowMs, events, changes: 0 },
    desk: {
      keeper,
      nowMs: () => world.nowMs,
      snapshot: () => snapshot,
      eventsNamed: async (id, tenant) =>
        events.get(id)?.filter((event) => tenant === undefined || event.tenant === tenant),
      told: (act, about, by) => told.push({ ...about, act, by }),
    },
  };
  return world;
}
