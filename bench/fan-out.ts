/**
 * One resource that every proxy holds is moved in the cache, past the pipeline: what remains is the xDS server, gRPC, HTTP/2,
 * TLS and the kernel, by message.
 *
 * Bytes that are copied in JavaScript are counted in moves of their own, since counting takes time: see copied-bytes.ts.
 */
import type { Bench } from './bench.ts';
import { quantile } from './bench.ts';
import { Changes, oneAtATime } from './changes.ts';
import { scaleOf, sideBySide } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const movesPerRound = 10;
const countedMoves = 2;
const roundMs = 20_000;

export const fanOut: Bench = {
  name: 'fan-out',
  what: 'one resource of 2,000 streams, past the pipeline: to the last ACK, processor time and bytes a message',
  run(options) {
    const changes = new Changes(standardMesh(scaleOf(options)));
    const next = () => changes.next('fan-out');
    return sideBySide(options, {
      compared: ['last_ack_ms', 'cpu_us_per_message'],
      async measure(plane) {
        const { latenciesMs, cpuUs, pushes, bytes } = await oneAtATime(plane, next, movesPerRound, roundMs);
        return {
          last_ack_ms: quantile(latenciesMs, 0.5),
          cpu_us_per_message: cpuUs / pushes,
          bytes_per_message: bytes / pushes,
          pushes: pushes / latenciesMs.length,
        };
      },
      async look(ours) {
        let pushes = 0;
        const copied = await ours.copiedDuring(async () => {
          ({ pushes } = await oneAtATime(ours, next, countedMoves, roundMs));
        });
        return { copied_bytes_per_message: copied / pushes };
      },
    });
  },
};
