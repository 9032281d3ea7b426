/**
 * Memory of a control plane over a grid of services and connected proxies, each proxy with a scope of the same size, and the
 * plane that fits it.
 *
 *   memory = base + services x b + proxies x c + services x proxies x d          d must be nil within its error
 *
 *              proxies 1x ──▶ 2x ──▶ 4x        services, each with its ten pods: 1x (as often as there are runs), 2x, 4x
 *
 * One process serves a row: proxies are added to those that are connected. A thousand services are ten thousand pods, all of
 * which are configured, whether they have a stream or not: they count as services. `heap` is what lives after a full
 * collection, `rss` what the kernel has given, garbage included, two seconds after the last ACK.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, BenchSamples, Samples } from './bench.ts';
import { startOurs } from './control-plane.ts';
import { type Fitted, leastSquares } from './least-squares.ts';
import { scaleOf, withFolder } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const factors = [1, 2, 4];
const mostProxies = 4;
/** Of the ten pods of a service, those with a stream where all proxies are connected at one times the services. */
const mostStreams = 8;
/** Until memory is read, in ms: what the last ACKs left behind has gone by then. */
const restMs = 2_000;

export interface Cell {
  readonly services: number;
  readonly proxies: number;
  readonly rssMb: number;
  readonly heapMb: number;
}

export const memory: Bench = {
  name: 'memory',
  what: `memory at ${factors.join(', ')} times the services by as many times the proxies (aim 400 MB at 1 by 1), and that no term is of both`,
  async run(options) {
    const cells: Cell[] = [];
    for (const factor of factors) {
      for (let run = 1; run <= (factor === 1 ? options.runs : 1); run += 1) {
        const row = await rowOf(scaleOf(options), factor);
        for (const cell of row) options.say(`run ${run}: ${JSON.stringify(cell)}`);
        cells.push(...row);
      }
    }
    return memorySamples(cells);
  },
};

/** All numbers of proxies at one number of services. */
function rowOf(scale: number, factor: number): Promise<readonly Cell[]> {
  return withFolder(async (folder) => {
    const mesh = standardMesh(scale * factor, mostStreams / factor);
    const ours = await startOurs({ scale: scale * factor, streams: mostStreams / factor }, folder);
    try {
      const cells: Cell[] = [];
      for (const proxies of factors) {
        const oneOf = mostProxies / proxies;
        await ours.fleet.connect(oneOf);
        await sleep(restMs);
        const { rssBytes } = await ours.counts();
        cells.push({
          services: mesh.services,
          proxies: mesh.proxies.length / oneOf,
          rssMb: rssBytes / 1e6,
          heapMb: (await ours.heapBytes()) / 1e6,
        });
      }
      return cells;
    } finally {
      await ours.stop();
    }
  });
}

/** @param cells in thousands, so that coefficients are of a size that can be read. */
export function memorySamples(cells: readonly Cell[]): BenchSamples {
  const [least] = cells;
  const corner = cells.filter((cell) => cell.services === least?.services && cell.proxies === least.proxies);
  const [most] = cells.slice(-1);
  const mb = (values: readonly number[]): Samples => ({ unit: 'MB', values });
  return {
    metrics: {
      rss_mb: mb(corner.map(({ rssMb }) => rssMb)),
      heap_mb: mb(corner.map(({ heapMb }) => heapMb)),
      rss_mb_most: mb(most === undefined ? [] : [most.rssMb]),
      heap_mb_most: mb(most === undefined ? [] : [most.heapMb]),
      ...fitted('rss_mb', cells, ({ rssMb }) => rssMb),
      ...fitted('heap_mb', cells, ({ heapMb }) => heapMb),
    },
  };
}

const terms = ['base', 'per_1000_services', 'per_1000_proxies', 'per_1000_services_and_1000_proxies'];

function fitted(key: string, cells: readonly Cell[], of: (cell: Cell) => number): Record<string, Samples> {
  const rows = cells.map(({ services, proxies }) => {
    const [s, p] = [services / 1_000, proxies / 1_000];
    return [1, s, p, s * p];
  });
  const found = leastSquares(rows, cells.map(of));
  const told = (name: string, { value, error }: Fitted) => [
    [`${key}_${name}`, { unit: 'MB', values: [value] }] as const,
    [`${key}_${name}_error`, { unit: 'MB', values: [error] }] as const,
  ];
  return Object.fromEntries(terms.flatMap((name, at) => told(name, found[at] ?? { value: Number.NaN, error: 0 })));
}
