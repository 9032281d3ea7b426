/**
 * How long a fault takes to strike everybody it is meant for, and to be gone from everybody.
 *
 *   start ──fault-laid──▶ 99 % have it          halt ──▶ the last one is rid of it
 *
 * On real Envoys both moments are what the control plane saw in each proxy's own runtime and, at the end, configuration. A
 * simulated proxy has no runtime but the layer it holds: there they are when the layer arrives, Envoy's own work excluded;
 * beside them stands when the control plane has seen it everywhere, as `_seen_`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DrillRecord } from '../src/chaos/drill-engine.ts';
import { type Asking, startAsking } from '../src/lab/demo/asking.ts';
import { hasEnded, isEffective } from '../src/lab/drill-control.ts';
import type { MeshLab } from '../src/lab/mesh-lab.ts';
import { type Bench, quantile } from './bench.ts';
import { withMesh } from './bench-lab.ts';
import { drillMesh, drillName, simulatedPods } from './drill-mesh.ts';
import { type Simulated, startSimulated } from './simulated.ts';
import { untilTrue } from './until-true.ts';

const realCallers = 20;
const simulatedCallers = 2_000;
const realPods: readonly string[] = Array.from({ length: realCallers }, (_, index) => `vault/real-${index}`);
const [firstReal = ''] = realPods;
/** Between two questions of each real caller, in ms: enough to see what it is answered, too little to be the load. */
const pauseMs = 100;
/** Share of the callers that has it when a fault counts as being there. */
const most = 0.99;
/** Longest wait for anything, in ms. */
const waitMs = 120_000;
/**
 * Between two looks at a record, and before the first after a fault was laid or lifted, in ms: with all the simulated in it
 * a record is megabytes, and to tell it is work of the very process that is measured.
 */
const lookMs = 1_000;
const quietMs = 2_000;

interface Strike {
  readonly injectMs: number;
  readonly abortMs: number;
  /** Callers that felt it: an engine that cannot see a proxy beforehand leaves it out. */
  readonly struck: number;
  /** Connections of real callers. */
  readonly lost: number;
}

interface Seen {
  readonly injectSeenMs: number;
  /** Until the last was seen clean, or its time had run out unseen. */
  readonly abortSeenMs: number;
  readonly expired: number;
}

export const drill: Bench = {
  name: 'drill',
  what: `inject to 99 % effective and abort to clean: ${realCallers} real callers (aim 100 ms), ${simulatedCallers} simulated (aim 500 ms); connections lost by it (aim 0)`,
  async run({ runs, say }) {
    const real: Strike[] = [];
    const simulated: (Strike & Seen)[] = [];
    await withMesh(drillMesh(realCallers), async (mesh) => {
      for (let run = 1; run <= runs; run += 1) {
        const strike = await whileAsking(mesh, (refused) => strikeReal(mesh, refused));
        real.push(strike);
        say(`run ${run}, real: ${JSON.stringify(strike)}`);
      }
      const { pods, text } = simulatedPods(simulatedCallers);
      const proxies = await startSimulated(mesh, pods, text, firstReal);
      say(`${pods.length} simulated proxies are up`);
      for (let run = 1; run <= runs; run += 1) {
        const strike = await whileAsking(mesh, (refused) => strikeSimulated(mesh, proxies, refused));
        simulated.push(strike);
        say(`run ${run}, simulated: ${JSON.stringify(strike)}`);
      }
    });
    const ms = (values: readonly number[]) => ({ unit: 'ms', values });
    const count = (values: readonly number[]) => ({ unit: 'count', values });
    return {
      metrics: {
        real_inject_99_ms: ms(real.map(({ injectMs }) => injectMs)),
        real_abort_clean_ms: ms(real.map(({ abortMs }) => abortMs)),
        simulated_inject_99_ms: ms(simulated.map(({ injectMs }) => injectMs)),
        simulated_abort_clean_ms: ms(simulated.map(({ abortMs }) => abortMs)),
        simulated_inject_seen_99_ms: ms(simulated.map(({ injectSeenMs }) => injectSeenMs)),
        simulated_abort_seen_clean_ms: ms(simulated.map(({ abortSeenMs }) => abortSeenMs)),
        real_struck: count(real.map(({ struck }) => struck)),
        simulated_struck: count(simulated.map(({ struck }) => struck)),
        simulated_by_expiry: count(simulated.map(({ expired }) => expired)),
        connections_lost: count([...real, ...simulated].map(({ lost }) => lost)),
      },
    };
  },
};

/** @param act is given what resolves when each real caller has been refused. */
async function whileAsking<T>(
  mesh: MeshLab,
  act: (refused: () => Promise<void>) => Promise<T>,
): Promise<T & { readonly lost: number }> {
  const askers = await Promise.all(realPods.map((pod) => startAsking(mesh.lab, pod, 'http://api/', pauseMs)));
  try {
    const done = await act(async () => {
      await Promise.all(askers.map((asker) => asker.until('a refusal', waitMs, ({ outcome }) => outcome === 503)));
    });
    return { ...done, lost: askers.reduce((sum, asker) => sum + lostBy(asker), 0) };
  } finally {
    await Promise.all(askers.map((asker) => asker.stop()));
  }
}

/** A connection that was lost shows as one more client port. */
function lostBy(asker: Asking): number {
  return new Set(asker.answers().map(({ port }) => port)).size - 1;
}

async function strikeReal(mesh: MeshLab, refused: () => Promise<void>): Promise<Omit<Strike, 'lost'>> {
  const { record, struck, haltedMs } = await strike(mesh, realPods, { laid: async () => {}, refused });
  return {
    injectMs: quantile(momentsOf(record, 'proxy-effective', struck), most) - laidAtMs(record),
    abortMs: Math.max(...momentsOf(record, 'proxy-clean', struck)) - haltedMs,
    struck: struck.length,
  };
}

async function strikeSimulated(
  mesh: MeshLab,
  { pods, since }: Simulated,
  refused: () => Promise<void>,
): Promise<Omit<Strike, 'lost'> & Seen> {
  const startedMs = Date.now();
  const keys = pods.map(({ key }) => key);
  const laid = () => untilTrue('a fault anywhere', waitMs, () => since(startedMs, 'faulted').size > 0);
  const { record, struck, haltedMs } = await strike(mesh, keys, { laid, refused });
  const gone = new Set(record.proxies.filter(({ state }) => state === 'expired').map(({ proxy }) => proxy));
  const [seen, expired] = [struck.filter((proxy) => !gone.has(proxy)), struck.filter((proxy) => gone.has(proxy))];
  await untilTrue('its end at every simulated proxy', waitMs, () => since(haltedMs, 'clean').size >= struck.length);
  const faulted = [...since(startedMs, 'faulted').values()].sort((a, b) => a - b);
  return {
    injectMs: Math.round(quantile(faulted, most) - laidAtMs(record)),
    abortMs: Math.round(Math.max(...since(haltedMs, 'clean').values()) - haltedMs),
    injectSeenMs: quantile(momentsOf(record, 'proxy-effective', struck), most) - laidAtMs(record),
    abortSeenMs:
      Math.max(...momentsOf(record, 'proxy-clean', seen), ...momentsOf(record, 'proxy-expired', expired)) - haltedMs,
    expired: expired.length,
    struck: struck.length,
  };
}

/** From its start to its end: halted once everybody whom it was laid on has it, and the real callers felt it. */
async function strike(
  mesh: MeshLab,
  callers: readonly string[],
  { laid, refused }: { readonly laid: () => Promise<void>; readonly refused: () => Promise<void> },
): Promise<{ readonly record: DrillRecord; readonly struck: readonly string[]; readonly haltedMs: number }> {
  const { drills } = mesh;
  await drills.begin(drillName);
  await laid();
  await sleep(quietMs);
  const { proxies } = await drills.until(drillName, 'the fault at every caller', waitMs, isEffective, lookMs);
  await refused();
  const haltedMs = Date.now();
  await drills.halt(drillName, 'measured');
  await sleep(quietMs);
  const record = await drills.until(drillName, 'its end', waitMs, hasEnded, lookMs);
  const wanted = new Set(callers);
  const struck = proxies.filter(({ proxy, state }) => wanted.has(proxy) && state === 'effective');
  return { record, struck: struck.map(({ proxy }) => proxy), haltedMs };
}

function laidAtMs({ timeline }: DrillRecord): number {
  return timeline.find(({ what }) => what === 'fault-laid')?.atMs ?? Number.NaN;
}

/** Ascending; NaN for one that has none, so that nothing is told of a part. */
function momentsOf(
  { timeline }: DrillRecord,
  what: 'proxy-effective' | 'proxy-clean' | 'proxy-expired',
  callers: readonly string[],
): readonly number[] {
  const at = new Map(timeline.filter((entry) => entry.what === what).map(({ about, atMs }) => [about, atMs]));
  return callers.map((caller) => at.get(caller) ?? Number.NaN).sort((a, b) => a - b);
}
