/**
 * Endpoints that change all the time, 100 and then 500 a second, in an open loop: each counts from the moment it was due.
 *
 * Processor time is told by update, a change at one proxy that it concerns: changes that were merged on the way are as many
 * updates as before, in fewer pushes.
 */
import type { Bench } from './bench.ts';
import { atRate, Changes } from './changes.ts';
import type { ControlPlane } from './control-plane.ts';
import { type Round, scaleOf, sideBySide, spread } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const rates = [100, 500];
/** Of each rate in a round. */
const seconds = 5;

export const churn: Bench = {
  name: 'churn',
  what: `${rates.join(' and ')} endpoint changes a second: to the last ACK of each, processor time an update (aim 10,000 updates/s)`,
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    return sideBySide(options, {
      compared: rates.flatMap((rate) => [`p50_ms_${rate}`, `p99_ms_${rate}`, `cpu_us_per_update_${rate}`]),
      async measure(plane) {
        const rounds: Round[] = [];
        for (const rate of rates) rounds.push(await atOneRate(plane, changes, rate));
        const sustained = rounds.map((round, at) => round[`updates_per_s_${rates[at]}`] ?? Number.NaN);
        return Object.assign({ updates_per_s: Math.max(...sustained) }, ...rounds);
      },
    });
  },
};

async function atOneRate(plane: ControlPlane, changes: Changes, rate: number): Promise<Round> {
  const outcome = await atRate(plane, () => changes.next('endpoint'), rate, rate * seconds);
  const { latenciesMs, spanMs, cpuUs, updates, pushes } = outcome;
  const round = {
    ...spread(latenciesMs),
    cpu_us_per_update: cpuUs / updates,
    updates_per_s: (updates / spanMs) * 1_000,
    pushes,
  };
  return Object.fromEntries(Object.entries(round).map(([key, value]) => [`${key}_${rate}`, value]));
}
