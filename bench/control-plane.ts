/**
 * A control plane that is measured: ours, or a peer, each in a process of its own and driven by the same commands.
 *
 *   prepare (objects read, tokens minted) ──serve──▶ address ──change──▶ … ──counts──▶ processor time, memory
 *
 * `COFFRE_PEER_<NAME>=host:port` names any other that takes these commands there, one line of JSON each: see line-peer.ts
 * for their form, and peers/go-control-plane/serve-mesh for one that does.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { controlPlaneNodeFlags } from '../src/config.ts';
import { type FleetCounts, startFleet } from './fleet.ts';
import { buildGo, peerProgram } from './go-program.ts';
import { dialLinePeer, type LinePeer, startLineChild } from './line-peer.ts';
import type { Change } from './standard-mesh.ts';

export type ControlPlaneCommand =
  /** Begins to serve. Answered with `address`, once clients are answered. */
  | { readonly do: 'serve' }
  /** Answered once it is taken in; what comes of it may take longer. */
  | { readonly do: 'change'; readonly change: Change }
  /** Answered when nothing is under way that an earlier change began. */
  | { readonly do: 'settle' }
  /** Writes what a peer needs to serve the same. */
  | { readonly do: 'export'; readonly folder: string }
  | { readonly do: 'counts' }
  /** Ours alone: looks into the process while it works, and at the end tells what was seen. */
  | { readonly do: 'profile' | 'copies' | 'memory'; readonly on: boolean };

export interface ControlPlaneCounts {
  readonly cpuUs: number;
  readonly rssBytes: number;
  /** Responses, and their bytes; 0 of who does not count them. */
  readonly pushes: number;
  readonly pushedBytes: number;
  readonly nacks: number;
}

/** What both ends have counted so far. */
export interface Counts {
  readonly cpuUs: number;
  readonly rssBytes: number;
  readonly pushedBytes: number;
  readonly fleet: FleetCounts;
}

/** A control plane that serves, and the proxies of the mesh at it. */
export interface ControlPlane {
  readonly name: string;
  /** From the word to serve until clients are answered, in ms. */
  readonly readyMs: number;
  /** Processor time before it was told to serve. */
  readonly preparedCpuUs: number;
  readonly fleet: Awaited<ReturnType<typeof startFleet>>;
  change(change: Change): Promise<void>;
  settle(): Promise<void>;
  counts(): Promise<Counts>;
  stop(): Promise<void>;
}

/** What only a control plane of which we have the source can be asked. */
export interface OurControlPlane extends ControlPlane {
  /** Writes what peers need to serve the same into its folder. */
  export(): Promise<void>;
  beginProfile(): Promise<void>;
  /** @returns profile-text.ts of what ran since it began. */
  endProfile(): Promise<string>;
  /** @returns what was copied in JavaScript meanwhile; see copied-bytes.ts. */
  copiedDuring(act: () => Promise<void>): Promise<number>;
  /** After a full collection. */
  heapBytes(): Promise<number>;
}

export interface OurOptions {
  readonly scale: number;
  /** Of the ten pods of a service, how many have a stream. */
  readonly streams?: number;
  /** Profiled from the word to serve. */
  readonly profiled?: boolean;
}

/** In the environment: microseconds of processor time that ours wastes on each response; see gate.ts. */
export const burnVariable = 'COFFRE_BENCH_BURN_US';

/** As which ours takes part in a comparison. */
export const ourName = 'coffre';

const script = fileURLToPath(new URL('./our-control-plane.ts', import.meta.url));

/** @param folder of its own, and empty; whoever made it removes it. */
export async function startOurs({ scale, streams, profiled }: OurOptions, folder: string): Promise<OurControlPlane> {
  const sizes = streams === undefined ? [scale] : [scale, streams];
  const peer = await startLineChild(process.execPath, [
    ...controlPlaneNodeFlags,
    ...[script, folder, ...sizes.map(String)],
  ]);
  if (profiled) await peer.ask({ do: 'profile', on: true });
  const plane = await serve(ourName, peer, folder);
  return {
    ...plane,
    async export() {
      await peer.ask({ do: 'export', folder });
    },
    async beginProfile() {
      await peer.ask({ do: 'profile', on: true });
    },
    async endProfile() {
      return (await peer.ask<{ text: string }>({ do: 'profile', on: false })).text;
    },
    async copiedDuring(act) {
      await peer.ask({ do: 'copies', on: true });
      await act();
      return (await peer.ask<{ bytes: number }>({ do: 'copies', on: false })).bytes;
    },
    async heapBytes() {
      return (await peer.ask<{ bytes: number }>({ do: 'memory', on: false })).bytes;
    },
  };
}

/** By name, each of which serves what is in a folder that ours has exported. */
export function peers(): ReadonlyMap<string, (folder: string) => Promise<ControlPlane>> {
  const named = Object.entries(process.env).flatMap(([key, address]) =>
    key.startsWith(peerPrefix) && address !== undefined
      ? [[key.slice(peerPrefix.length).toLowerCase(), () => dialLinePeer(address)] as const]
      : [],
  );
  const start = (name: string, open: (folder: string) => Promise<LinePeer>) => async (folder: string) =>
    serve(name, await open(folder), folder);
  return new Map([
    ['go-control-plane', start('go-control-plane', (folder) => startLineChild(buildGo(peerProgram), [folder]))],
    ...named.map(([name, open]) => [name, start(name, open)] as const),
  ]);
}

const peerPrefix = 'COFFRE_PEER_';

async function serve(name: string, peer: LinePeer, folder: string): Promise<ControlPlane> {
  const { cpuUs: preparedCpuUs } = await peer.ask<ControlPlaneCounts>({ do: 'counts' });
  const beganMs = performance.now();
  const { address } = await peer.ask<{ address: string }>({ do: 'serve', folder });
  const readyMs = performance.now() - beganMs;
  const fleet = await startFleet(join(folder, 'fleet.json'), address);
  return {
    name,
    readyMs,
    preparedCpuUs,
    fleet,
    async change(change) {
      await peer.ask({ do: 'change', change });
    },
    async settle() {
      await peer.ask({ do: 'settle' });
    },
    async counts() {
      const [{ cpuUs, rssBytes, pushedBytes, nacks }, received] = [
        await peer.ask<ControlPlaneCounts>({ do: 'counts' }),
        await fleet.counts(),
      ];
      if (nacks > 0) throw new Error(`\`${name}\` was refused ${nacks} of its responses`);
      return { cpuUs, rssBytes, pushedBytes, fleet: received };
    },
    async stop() {
      await fleet.stop();
      await peer.stop();
    },
  };
}
