/**
 * Rounds of one measurement at our control plane and at every peer, taking turns, in one run and at one mesh.
 *
 *   ours serves ──export──▶ peers serve the same        round 1: ours, peer, …        round 2: ours, peer, …
 *
 * While one is measured the others are idle. What a peer was not asked it has no figure of.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchOptions, type BenchSamples, quantile, type Samples } from './bench.ts';
import { type ControlPlane, type OurControlPlane, ourName, peers, startOurs } from './control-plane.ts';

/** One round, by key. The end of a key tells its unit. */
export type Round = Readonly<Record<string, number>>;

export interface Measurement {
  /** Keys of which less is better and whose ratio to each peer is told. */
  readonly compared: readonly string[];
  measure(plane: ControlPlane): Promise<Round>;
  /** What only ours can be asked, in no time that is told. */
  look?(ours: OurControlPlane): Promise<Round>;
}

/** The small form is a tenth of the standard mesh. */
export function scaleOf({ small }: BenchOptions): number {
  return small ? 0.1 : 1;
}

/** Each serves all the time, with every proxy connected. `measure` is told how long the first connection took. */
export async function sideBySide(options: BenchOptions, measurement: Measurement): Promise<BenchSamples> {
  return samplesOf(await roundsSideBySide(options, measurement), measurement.compared);
}

/** @returns by name, ours among them. */
export async function roundsSideBySide(
  options: BenchOptions,
  { measure, look = async () => ({}) }: Omit<Measurement, 'compared'>,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  if (options.profile !== undefined) return profiled(options, { measure });
  return withFolder(async (folder) => {
    const planes: ControlPlane[] = [];
    try {
      const ours = await startOurs({ scale: scaleOf(options) }, folder);
      planes.push(ours);
      await ours.fleet.connect();
      await ours.export();
      for (const start of peers().values()) {
        const peer = await start(folder);
        planes.push(peer);
        await peer.fleet.connect();
      }
      const rounds = new Rounds(options);
      for (let run = 1; run <= options.runs; run += 1) {
        for (const plane of planes) {
          const round = await measure(plane);
          rounds.add(plane.name, run, plane === ours ? { ...round, ...(await look(ours)) } : round);
        }
      }
      return rounds.all;
    } finally {
      for (const plane of planes) await plane.stop();
    }
  });
}

/** Each is started for its round and ended after it, so that no two share the machine. `measure` connects. */
export async function oneByOne(options: BenchOptions, { compared, measure }: Measurement): Promise<BenchSamples> {
  if (options.profile !== undefined) return samplesOf(await profiledFromStart(options, measure), compared);
  const rounds = new Rounds(options);
  for (let run = 1; run <= options.runs; run += 1) {
    await withFolder(async (folder) => {
      const ours = await startOurs({ scale: scaleOf(options) }, folder);
      try {
        rounds.add(ours.name, run, await measure(ours));
        await ours.export();
      } finally {
        await ours.stop();
      }
      for (const start of peers().values()) {
        const peer = await start(folder);
        try {
          rounds.add(peer.name, run, await measure(peer));
        } finally {
          await peer.stop();
        }
      }
    });
  }
  return samplesOf(rounds.all, compared);
}

/** Where no peer does what is asked. */
export async function oursAlone(
  options: BenchOptions,
  measure: (plane: ControlPlane) => Promise<Round>,
): Promise<BenchSamples> {
  if (options.profile !== undefined) return samplesOf(await profiled(options, { measure }), []);
  return withFolder(async (folder) => {
    const ours = await startOurs({ scale: scaleOf(options) }, folder);
    try {
      await ours.fleet.connect();
      const rounds = new Rounds(options);
      for (let run = 1; run <= options.runs; run += 1) rounds.add(ours.name, run, await measure(ours));
      return samplesOf(rounds.all, []);
    } finally {
      await ours.stop();
    }
  });
}

/** One round of ours alone while it is looked into, after one that warms it. What it measures is slowed by the looking. */
function profiled(
  { profile, ...options }: BenchOptions,
  { measure }: Pick<Measurement, 'measure'>,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  return withFolder(async (folder) => {
    const ours = await startOurs({ scale: scaleOf(options) }, folder);
    try {
      await ours.fleet.connect();
      await measure(ours);
      await ours.beginProfile();
      const rounds = new Rounds(options);
      rounds.add(ours.name, 1, await measure(ours));
      profile?.(await ours.endProfile());
      return rounds.all;
    } finally {
      await ours.stop();
    }
  });
}

async function profiledFromStart(
  { profile, ...options }: BenchOptions,
  measure: Measurement['measure'],
): Promise<ReadonlyMap<string, readonly Round[]>> {
  return withFolder(async (folder) => {
    const ours = await startOurs({ scale: scaleOf(options), profiled: true }, folder);
    try {
      const rounds = new Rounds(options);
      rounds.add(ours.name, 1, await measure(ours));
      profile?.(await ours.endProfile());
      return rounds.all;
    } finally {
      await ours.stop();
    }
  });
}

/** Of latencies, ascending. */
export function spread(latenciesMs: readonly number[]): Round {
  return { p50_ms: quantile(latenciesMs, 0.5), p99_ms: quantile(latenciesMs, 0.99) };
}

class Rounds {
  readonly #options: BenchOptions;
  readonly #rounds = new Map<string, Round[]>();

  constructor(options: BenchOptions) {
    this.#options = options;
  }

  add(name: string, run: number, round: Round): void {
    this.#options.say(`run ${run}, ${name}: ${JSON.stringify(round)}`);
    this.#rounds.set(name, [...(this.#rounds.get(name) ?? []), round]);
  }

  /** By name. */
  get all(): ReadonlyMap<string, readonly Round[]> {
    return this.#rounds;
  }
}

/** @param rounds by name, ours among them. */
export function samplesOf(
  rounds: ReadonlyMap<string, readonly Round[]>,
  compared: readonly string[],
): BenchSamples & { readonly peers: Readonly<Record<string, Readonly<Record<string, Samples>>>> } {
  const all = new Map([...rounds].map(([name, of]) => [name, metricsOf(of)]));
  const { [ourName]: metrics = {}, ...others } = Object.fromEntries(all);
  const ratios = Object.entries(others).flatMap(([peer, theirs]) =>
    compared.flatMap((key) => {
      const [of, by] = [theirs[key], metrics[key]].map((samples) => samples && median(samples));
      return of === undefined || by === undefined ? [] : [[`${key} to ${peer}`, of / by] as const];
    }),
  );
  return { metrics, peers: others, ratios: Object.fromEntries(ratios) };
}

function metricsOf(rounds: readonly Round[]): Record<string, Samples> {
  const keys = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    keys.map((key) => [key, { unit: unitOf(key), values: rounds.map((round) => round[key] ?? Number.NaN) }]),
  );
}

function median({ values }: Samples): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}

const units: readonly (readonly [pattern: RegExp, unit: string])[] = [
  [/_us_per_/, 'us'],
  [/_per_s(_|$)|^rps(_|$)/, '1/s'],
  [/(^|_)ms(_|$)/, 'ms'],
  [/_mb(_|$)/, 'MB'],
  [/bytes_share/, ''],
  [/bytes/, 'B'],
];

function unitOf(key: string): string {
  return units.find(([pattern]) => pattern.test(key))?.[1] ?? 'count';
}

export async function withFolder<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'coffre-bench-'));
  try {
    return await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
