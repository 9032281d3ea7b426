/** A rule is changed, for one service and then for every tenant at once: how long until the last ACK. */
import type { Bench } from './bench.ts';
import { quantile } from './bench.ts';
import { Changes, oneAtATime } from './changes.ts';
import { scaleOf, sideBySide } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const editsPerRound = 20;
const meshEditsPerRound = 5;
/** Longest that either part of a round goes on for, in ms. */
const partMs = 12_000;

export const policyChange: Bench = {
  name: 'policy-change',
  what: 'one policy of one service, then one of every tenant at once (aim 250 ms): to the last ACK, processor time an update',
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    return sideBySide(options, {
      compared: ['p50_ms', 'cpu_us_per_edit', 'last_ack_ms', 'cpu_us_per_update'],
      async measure(plane) {
        const one = await oneAtATime(plane, () => changes.next('policy'), editsPerRound, partMs);
        const all = await oneAtATime(plane, () => changes.next('mesh-policy'), meshEditsPerRound, partMs);
        return {
          p50_ms: quantile(one.latenciesMs, 0.5),
          cpu_us_per_edit: one.cpuUs / one.latenciesMs.length,
          pushes_per_edit: one.pushes / one.latenciesMs.length,
          last_ack_ms: quantile(all.latenciesMs, 0.5),
          cpu_us_per_update: all.cpuUs / all.updates,
          pushes_per_update: all.pushes / all.updates,
        };
      },
    });
  },
};
