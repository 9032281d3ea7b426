/** One pod comes back under another address: how long until every proxy that calls its service has acknowledged it. */
import type { Bench } from './bench.ts';
import { Changes, oneAtATime } from './changes.ts';
import { scaleOf, sideBySide, spread } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

/** Changes of one round, and the longest that a round goes on for, in ms. */
const changesPerRound = 100;
const roundMs = 25_000;

export const endpointChange: Bench = {
  name: 'endpoint-change',
  what: 'one endpoint changed, 20 proxies concerned on average: to the last ACK (aim p50 5 ms, p99 20 ms), processor time an update',
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    return sideBySide(options, {
      compared: ['p50_ms', 'p99_ms', 'cpu_us_per_update'],
      async measure(plane) {
        const outcome = await oneAtATime(plane, () => changes.next('endpoint'), changesPerRound, roundMs);
        const { latenciesMs, cpuUs, updates, pushes, bytes } = outcome;
        return {
          ...spread(latenciesMs),
          cpu_us_per_update: cpuUs / updates,
          pushes,
          pushes_per_update: pushes / updates,
          bytes_per_update: bytes / updates,
          changes: latenciesMs.length,
        };
      },
    });
  },
};
