/**
 * A control plane that knows its mesh and serves nobody yet, until the last proxy has acknowledged all it asked for.
 *
 *   objects in memory ──serve──▶ ready ──every proxy connects──▶ last ACK
 *
 * Reading files and parsing YAML come before, and a peer has its resources decoded. One TLS connection a proxy.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import type { ControlPlane } from './control-plane.ts';
import { oneByOne, type Round, scaleOf } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

/** Until memory is read, in ms: what the last ACKs left behind has gone by then. */
const restMs = 2_000;

export const coldStart: Bench = {
  name: 'cold-start',
  what: 'the standard mesh from nothing to the last ACK of 2,000 proxies (aim 5 s); processor time, memory and bytes a proxy',
  run: (options) =>
    oneByOne(options, {
      compared: ['last_ack_ms', 'cpu_us_per_proxy', 'rss_mb'],
      measure: (plane) => coldStarted(plane, standardMesh(scaleOf(options)).proxies.length),
    }),
};

async function coldStarted(plane: ControlPlane, proxies: number): Promise<Round> {
  const connectMs = await plane.fleet.connect();
  const { cpuUs, fleet } = await plane.counts();
  await sleep(restMs);
  const { rssBytes } = await plane.counts();
  return {
    last_ack_ms: plane.readyMs + connectMs,
    ready_ms: plane.readyMs,
    connect_ms: connectMs,
    cpu_us_per_proxy: (cpuUs - plane.preparedCpuUs) / proxies,
    client_cpu_us_per_proxy: fleet.cpuUs / proxies,
    rss_mb: rssBytes / 1e6,
    bytes_per_proxy: fleet.bytes / proxies,
    pushes: fleet.messages,
    streams_lost: fleet.streamsLost,
  };
}
