/** Every connection is cut, and every proxy comes back at once with the versions it holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { scaleOf, sideBySide } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

/** For which nobody is connected, in ms: the ends of the old streams are no part of what is measured. */
const goneMs = 2_000;

export const reconnectStorm: Bench = {
  name: 'reconnect-storm',
  what: '2,000 proxies back at once, holding the newest (aim 3 s and 1 % of the bytes): to the last answer, processor time a proxy',
  run(options) {
    const proxies = standardMesh(scaleOf(options)).proxies.length;
    const wholeBytes = new Map<string, number>();
    return sideBySide(options, {
      compared: ['last_ack_ms', 'cpu_us_per_proxy', 'bytes_per_proxy'],
      async measure(plane) {
        const first = await plane.counts();
        // Before the first storm nothing was received but the first configuration.
        const whole = wholeBytes.get(plane.name) ?? first.fleet.bytes;
        wholeBytes.set(plane.name, whole);
        await plane.fleet.cut();
        await sleep(goneMs);
        const before = await plane.counts();
        const lastMs = await plane.fleet.connect();
        const after = await plane.counts();
        const bytes = after.fleet.bytes - before.fleet.bytes;
        return {
          last_ack_ms: lastMs,
          cpu_us_per_proxy: (after.cpuUs - before.cpuUs) / proxies,
          client_cpu_us_per_proxy: (after.fleet.cpuUs - before.fleet.cpuUs) / proxies,
          bytes_per_proxy: bytes / proxies,
          bytes_share: bytes / whole,
          pushes: after.fleet.messages - before.fleet.messages,
          streams_lost: after.fleet.streamsLost - before.fleet.streamsLost,
        };
      },
    });
  },
};
