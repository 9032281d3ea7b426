/**
 * The control plane is killed in the middle of a drill: how long until the fault is gone from every Envoy by itself.
 *
 * Several meshes side by side, each killed again and again. What an Envoy has is read from its own runtime, past the
 * control plane, which is dead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { drillLayer } from '../src/envoy/names.ts';
import { runtimeLayers } from '../src/inspect/runtime-layer.ts';
import { hasEnded, isEffective } from '../src/lab/drill-control.ts';
import type { MeshLab } from '../src/lab/mesh-lab.ts';
import type { Bench } from './bench.ts';
import { withMesh } from './bench-lab.ts';
import { drillMesh, drillName } from './drill-mesh.ts';

const meshes = 4;
const killsByDefault = 20;
const killsInFull = 100;
const callers = 2;
/** Longest wait for a drill to be effective, and for what has been killed to be whole again, in ms. */
const waitMs = 60_000;
/** Between two renewals of a fault, in ms: the kills are spread over it, so that none meets a timer at its best. */
const heartbeatMs = 3_000;
/** Between two looks at a runtime, in ms: the error of a figure. */
const lookMs = 20;

export const deadMan: Bench = {
  name: 'dead-man',
  what: `kill -9 of the control plane during a drill to every Envoy clean, by itself (aim 11 s: TTL and one); ${killsByDefault} kills, ${killsInFull} with --full`,
  async run({ full, say }) {
    const kills = full ? killsInFull : killsByDefault;
    const rounds = Math.ceil(kills / meshes);
    const seconds = await Promise.all(
      Array.from({ length: meshes }, () =>
        withMesh(drillMesh(callers), async (mesh) => {
          const cleanAfter: number[] = [];
          for (let round = 1; round <= rounds; round += 1) {
            cleanAfter.push(await killOnce(mesh, (heartbeatMs * round) / rounds));
            say(`clean after ${cleanAfter.at(-1)?.toFixed(2)} s`);
          }
          return cleanAfter;
        }),
      ),
    );
    const values = seconds.flat();
    return { metrics: { clean_after_s: { unit: 's', values }, kills: { unit: 'count', values: [values.length] } } };
  },
};

/** @param afterMs how long the fault has been seen everywhere when the control plane dies. */
async function killOnce(mesh: MeshLab, afterMs: number): Promise<number> {
  await mesh.drills.begin(drillName);
  await mesh.drills.until(drillName, 'an effective fault', waitMs, isEffective);
  await sleep(afterMs);
  const killedMs = performance.now();
  await mesh.killControlPlane();
  while ((await keysLeft(mesh)) > 0) await sleep(lookMs);
  const cleanMs = performance.now() - killedMs;
  await mesh.startControlPlane();
  const { phase, reason } = await mesh.drills.until(drillName, 'its end', waitMs, hasEnded);
  if (phase !== 'aborted') throw new Error(`after the kill the drill is ${phase}, not aborted: ${reason}`);
  await mesh.drills.whole(waitMs);
  return cleanMs / 1_000;
}

async function keysLeft(mesh: MeshLab): Promise<number> {
  const sidecars = mesh.pods().flatMap(({ envoy }) => envoy ?? []);
  const runtimes = await Promise.all(sidecars.map((envoy) => envoy.admin('/runtime')));
  return runtimes.reduce((sum, text) => sum + (runtimeLayers(text)?.get(drillLayer)?.size ?? Number.NaN), 0);
}
