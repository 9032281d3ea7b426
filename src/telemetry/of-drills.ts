/** Drills as levels, read from what the engine shows: how many in which phase, and what still lies on proxies. */
import { drillPhases, instruments } from './instruments.ts';
import type { Meters } from './meters.ts';

export interface SeenDrill {
  readonly phase: (typeof drillPhases)[number];
  /** Epoch ms at which the fault ends; 0 while there is none. */
  readonly deadlineMs: number;
  readonly proxies: readonly { readonly state: string }[];
}

/** A fault may be there until it was seen gone, or its TTL has passed. */
const struckStates: ReadonlySet<string> = new Set(['laid', 'effective', 'withdrawn']);

/** @param drills every one that the engine knows. */
export function telemetryOfDrills(meters: Meters, drills: () => readonly SeenDrill[], nowMs: () => number): void {
  meters.read(instruments.drills, (tell) => {
    const all = drills();
    for (const phase of drillPhases) tell(all.filter((drill) => drill.phase === phase).length, { phase });
  });
  meters.read(instruments.drillFaultsLaid, (tell) => {
    tell(
      drills().reduce((sum, drill) => sum + struckProxies(drill), 0),
      {},
    );
  });
  meters.read(instruments.drillOverrun, (tell) => {
    const lasting = drills().filter((drill) => drill.deadlineMs > 0 && struckProxies(drill) > 0);
    tell(Math.max(0, ...lasting.map(({ deadlineMs }) => nowMs() - deadlineMs)) / 1_000, {});
  });
}

function struckProxies({ proxies }: SeenDrill): number {
  return proxies.filter(({ state }) => struckStates.has(state)).length;
}
