/**
 * How long a fault takes to strike everybody it is meant for, and to be gone from everybody.
 *
 *   start ──fault-laid──▶ 99 % have it          halt ──▶ the last one is rid of it
 *
 * On real Envoys both moments are what the control plane saw in each proxy's own runtime. A simulated proxy has no runtime:
 * there they are when it holds the layer, Envoy's own work excluded.
 */
import type { DrillRecord } from '../src/chaos/drill-engine.ts';
import { startAsking } from '../src/lab/demo/asking.ts';
import { hasEnded } from '../src/lab/drill-control.ts';
import type { MeshLab } from '../src/lab/mesh-lab.ts';
import { type Bench, quantile } from './bench.ts';
import { withMesh } from './bench-lab.ts';
import { drillMesh, drillName, simulatedPods } from './drill-mesh.ts';
import { type Simulated, startSimulated } from './simulated.ts';
import { untilTrue } from './until-true.ts';

const realCallers = 20;
const simulatedCallers = 2_000;
const realPods: readonly string[] = Array.from({ length: realCallers }, (_, index) => `vault/real-${index}`);
/** Between two questions of each real caller, in ms: enough to see what it is answered, too little to be the load. */
const pauseMs = 100;
/** Share of the callers that has it when a fault counts as being there. */
const most = 0.99;
/** Longest wait for anything, in ms. */
const waitMs = 120_000;

interface Strike {
  readonly injectMs: number;
  readonly abortMs: number;
}

export const drill: Bench = {
  name: 'drill',
  what: `inject to 99 % effective and abort to clean: ${realCallers} real callers (aim 100 ms), ${simulatedCallers} simulated (aim 500 ms); connections lost by it (aim 0)`,
  async run({ runs, say }) {
    const real: (Strike & { readonly lost: number })[] = [];
    const simulated: Strike[] = [];
    await withMesh(drillMesh(realCallers), async (mesh) => {
      for (let run = 1; run <= runs; run += 1) {
        const strike = await strikeReal(mesh);
        real.push(strike);
        say(`run ${run}, real: there in ${strike.injectMs} ms, gone in ${strike.abortMs} ms, ${strike.lost} lost`);
      }
      const { keys, text } = simulatedPods(simulatedCallers);
      const proxies = await startSimulated(mesh, keys, text);
      say(`${keys.length} simulated proxies are up`);
      for (let run = 1; run <= runs; run += 1) {
        const strike = await strikeSimulated(mesh, proxies);
        simulated.push(strike);
        say(`run ${run}, simulated: there in ${strike.injectMs} ms, gone in ${strike.abortMs} ms`);
      }
    });
    const ms = (values: readonly number[]) => ({ unit: 'ms', values });
    return {
      metrics: {
        real_inject_99_ms: ms(real.map(({ injectMs }) => injectMs)),
        real_abort_clean_ms: ms(real.map(({ abortMs }) => abortMs)),
        simulated_inject_99_ms: ms(simulated.map(({ injectMs }) => injectMs)),
        simulated_abort_clean_ms: ms(simulated.map(({ abortMs }) => abortMs)),
        connections_lost: { unit: 'count', values: real.map(({ lost }) => lost) },
      },
    };
  },
};

async function strikeReal(mesh: MeshLab): Promise<Strike & { readonly lost: number }> {
  const askers = await Promise.all(realPods.map((pod) => startAsking(mesh.lab, pod, 'http://api/', pauseMs)));
  try {
    await mesh.drills.begin(drillName);
    await mesh.drills.until(drillName, 'the fault at every caller', waitMs, ({ proxies }) =>
      realPods.every((pod) => proxies.some(({ proxy, state }) => proxy === pod && state === 'effective')),
    );
    await Promise.all(askers.map((asker) => asker.until('a refusal', waitMs, ({ outcome }) => outcome === 503)));
    const haltedMs = Date.now();
    await mesh.drills.halt(drillName, 'measured');
    const record = await mesh.drills.until(drillName, 'its end', waitMs, hasEnded);
    // A connection that was lost shows as one more client port.
    const lost = askers.reduce((sum, asker) => sum + new Set(asker.answers().map(({ port }) => port)).size - 1, 0);
    return {
      injectMs: quantile(momentsOf(record, 'proxy-effective'), most) - laidAtMs(record),
      abortMs: Math.max(...momentsOf(record, 'proxy-clean')) - haltedMs,
      lost,
    };
  } finally {
    await Promise.all(askers.map((asker) => asker.stop()));
  }
}

async function strikeSimulated(mesh: MeshLab, simulated: Simulated): Promise<Strike> {
  const startedMs = Date.now();
  await mesh.drills.begin(drillName);
  await untilTrue('the fault at every simulated proxy', waitMs, () => has(simulated, startedMs, 'faulted'));
  const haltedMs = Date.now();
  await mesh.drills.halt(drillName, 'measured');
  await untilTrue('its end at every simulated proxy', waitMs, () => has(simulated, haltedMs, 'clean'));
  // Nobody can look into what is simulated: these end by expiry, one TTL later.
  const record = await mesh.drills.until(drillName, 'its end', waitMs, hasEnded);
  const faulted = [...simulated.since(startedMs, 'faulted').values()].sort((a, b) => a - b);
  return {
    injectMs: Math.round(quantile(faulted, most) - laidAtMs(record)),
    abortMs: Math.round(Math.max(...simulated.since(haltedMs, 'clean').values()) - haltedMs),
  };
}

function has({ keys, since }: Simulated, sinceMs: number, kind: 'faulted' | 'clean'): boolean {
  return since(sinceMs, kind).size === keys.length;
}

function laidAtMs({ timeline }: DrillRecord): number {
  return timeline.find(({ what }) => what === 'fault-laid')?.atMs ?? Number.NaN;
}

/** Of the real callers, ascending; NaN for one that has none, so that nothing is told of a part. */
function momentsOf({ timeline }: DrillRecord, what: 'proxy-effective' | 'proxy-clean'): readonly number[] {
  const moments = realPods.map((pod) => timeline.find((entry) => entry.what === what && entry.about === pod)?.atMs);
  return moments.map((moment) => moment ?? Number.NaN).sort((a, b) => a - b);
}
