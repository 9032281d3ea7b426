/**
 * One resource that every proxy holds is moved in the cache, past the pipeline: what remains is the xDS server, gRPC, HTTP/2,
 * TLS and the kernel, by message.
 *
 * A response is written as one piece of memory of its own, so its bytes are copied once before the transport copies them again.
 */
import type { Bench } from './bench.ts';
import { quantile } from './bench.ts';
import { Changes, oneAtATime } from './changes.ts';
import { scaleOf, sideBySide } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const movesPerRound = 10;
const roundMs = 20_000;

export const fanOut: Bench = {
  name: 'fan-out',
  what: 'one resource of 2,000 streams, past the pipeline: to the last ACK, processor time and bytes a message',
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    return sideBySide(options, {
      compared: ['last_ack_ms', 'cpu_us_per_message'],
      async measure(plane) {
        const outcome = await oneAtATime(plane, () => changes.next('fan-out'), movesPerRound, roundMs);
        const { latenciesMs, cpuUs, pushes, bytes } = outcome;
        return {
          last_ack_ms: quantile(latenciesMs, 0.5),
          cpu_us_per_message: cpuUs / pushes,
          bytes_per_message: bytes / pushes,
          pushes: pushes / latenciesMs.length,
        };
      },
    });
  },
};
