/**
 * The simulated proxies of one control plane (bench/proxies, a Go program), and what they have seen.
 *
 * They are Go because they share the machine with what is measured, and must cost less than it.
 */
import { buildGo, proxiesProgram } from './go-program.ts';
import { startLineChild } from './line-peer.ts';

/** An ACK of a resource with a mark in it: index of the proxy, name, mark, epoch ms. */
export type Sighting = readonly [proxy: number, name: string, mark: number, atMs: number];

export interface FleetCounts {
  readonly messages: number;
  readonly resources: number;
  readonly bytes: number;
  readonly streamsLost: number;
  readonly lastLoss: string;
  readonly cpuUs: number;
}

/** Versions by type and name. */
export type Holdings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** @param file who they are. @param address of the control plane, whatever the file says. @param binary where it is built already. */
export async function startFleet(file: string, address: string, binary: string = buildGo(proxiesProgram)) {
  const program = await startLineChild(binary, [file, address]);
  return {
    /**
     * Opens every stream that is not open, or of so many the first; resolves when the last proxy has acknowledged all it
     * asked for. @returns how long that took, in ms.
     */
    async connect(oneOf: number = 1): Promise<number> {
      const { beganMs, lastMs } = await program.ask<{ beganMs: number; lastMs: number }>({ do: 'connect', oneOf });
      return lastMs - beganMs;
    },
    /** Every connection ends at once, and stays so until `connect`; what is held is kept. */
    cut: () => program.ask<object>({ do: 'cut' }),
    /** Since the last time. */
    async sightings(): Promise<readonly Sighting[]> {
      return (await program.ask<{ sightings: readonly Sighting[] }>({ do: 'sightings' })).sightings;
    },
    counts: () => program.ask<FleetCounts>({ do: 'counts' }),
    /** Of each proxy, in the order of the file. */
    async held(): Promise<readonly Holdings[]> {
      return (await program.ask<{ held: readonly Holdings[] }>({ do: 'held' })).held;
    },
    stop: () => program.stop(),
  };
}
