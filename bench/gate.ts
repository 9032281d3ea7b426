/**
 * Tells whether xDS has become dearer: processor time a unit as a ratio to the peer's in the same run, held against the ratios
 * that were kept (gate.json) when they were last agreed upon.
 *
 *   ours, peer, ours, peer, … ──ratio of each pair──▶ median ──against kept x (1 + tolerance)──▶ exit 0, or 1 with a sentence
 *
 * Wall time says who else was on the machine. Processor time hardly does, and what is left of it the peer feels too. How often
 * something is done is no matter of measurement: tests hold those counts exactly. `--renew` keeps what was measured, and
 * `COFFRE_BENCH_BURN_US=N` wastes N microseconds on each response of ours, to see that the gate can close.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Bench, quantile } from './bench.ts';
import { Changes, oneAtATime } from './changes.ts';
import { type ControlPlane, ourName } from './control-plane.ts';
import { judgeGate, type KeptGate } from './judge-gate.ts';
import { type Round, roundsSideBySide } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

/** Always the small mesh: a gate that takes long is not run. */
const scale = 0.1;
/** Pairs of rounds, and what is done in each. */
const rounds = 7;
const endpointChanges = 40;
const meshEdits = 2;
const moves = 5;
/** Longest that any one of them goes on for, in ms. */
const partMs = 5_000;
/** For which nobody is connected, in ms. */
const goneMs = 1_000;

const file = fileURLToPath(new URL('./gate.json', import.meta.url));
const peer = 'go-control-plane';

export const gate: Bench = {
  name: 'gate',
  what: 'processor time a unit, as a ratio to the peer, against the ratios of gate.json; ends with 1 where one is worse',
  async run(options) {
    const endpoints = new Changes(standardMesh(scale));
    const measured = await roundsSideBySide(
      { ...options, small: true, runs: Math.max(rounds, options.runs) },
      { measure: (plane) => unitCosts(plane, endpoints) },
    );
    const [ours = [], theirs = []] = [measured.get(ourName), measured.get(peer)];
    const keys = Object.keys(ours[0] ?? {});
    const ratios = Object.fromEntries(keys.map((key) => [key, ratiosOf(ours, theirs, key)]));
    if (options.renew && options.profile === undefined) renew(ratios);
    return {
      metrics: Object.fromEntries(keys.map((key) => [`${key}_ratio`, { unit: 'x', values: ratios[key] ?? [] }])),
      breaches: judgeGate(kept(), ratios),
    };
  },
};

async function unitCosts(plane: ControlPlane, changes: Changes): Promise<Round> {
  const { proxies } = standardMesh(scale);
  const endpoint = await oneAtATime(plane, () => changes.next('endpoint'), endpointChanges, partMs);
  const policy = await oneAtATime(plane, () => changes.next('mesh-policy'), meshEdits, partMs);
  const move = await oneAtATime(plane, () => changes.next('fan-out'), moves, partMs);
  await plane.fleet.cut();
  await sleep(goneMs);
  const before = await plane.counts();
  await plane.fleet.connect();
  const after = await plane.counts();
  return {
    cpu_us_per_endpoint_update: endpoint.cpuUs / endpoint.updates,
    cpu_us_per_policy_update: policy.cpuUs / policy.updates,
    cpu_us_per_fan_out_message: move.cpuUs / move.pushes,
    cpu_us_per_reconnect: (after.cpuUs - before.cpuUs) / proxies.length,
  };
}

/** Of each pair: the two were measured next to each other. */
function ratiosOf(ours: readonly Round[], theirs: readonly Round[], key: string): readonly number[] {
  return ours.map((round, at) => (round[key] ?? Number.NaN) / (theirs[at]?.[key] ?? Number.NaN));
}

function kept(): KeptGate {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function renew(ratios: Readonly<Record<string, readonly number[]>>): void {
  const medians = Object.entries(ratios).map(([key, values]) => {
    const median = quantile(
      [...values].sort((a, b) => a - b),
      0.5,
    );
    return [key, Number(median.toPrecision(3))] as const;
  });
  const next: KeptGate = { tolerance: kept().tolerance, ratios: Object.fromEntries(medians) };
  writeFileSync(file, `${JSON.stringify(next, undefined, 2)}\n`);
}
