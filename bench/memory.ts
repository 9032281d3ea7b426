/**
 * Resident memory of a control plane that serves all its proxies, at the standard mesh and at two and four of it.
 *
 * What grows with services times proxies would be sixteen times as much at four times the mesh; what is held once a thing
 * grows four times at most.
 */
import type { Bench, BenchSamples, Samples } from './bench.ts';
import { coldStarted } from './cold-start.ts';
import { oneByOne, scaleOf } from './side-by-side.ts';
import { standardMesh } from './standard-mesh.ts';

const factors = [1, 2, 4];

export const memory: Bench = {
  name: 'memory',
  what: `resident memory with every proxy connected, at ${factors.join(', ')} times the standard mesh (aim 400 MB at 1)`,
  async run(options) {
    const parts: BenchSamples[] = [];
    for (const factor of factors) {
      const scale = scaleOf(options) * factor;
      const proxies = standardMesh(scale).proxies.length;
      const samples = await oneByOne(options, scale, {
        compared: [`rss_mb_${factor}x`],
        async measure(plane) {
          const { rss_mb: rss = Number.NaN, bytes_per_proxy: bytes = Number.NaN } = await coldStarted(plane, proxies);
          return { [`rss_mb_${factor}x`]: rss, [`bytes_per_proxy_${factor}x`]: bytes };
        },
      });
      parts.push(samples);
    }
    return joined(parts);
  },
};

function joined(parts: readonly BenchSamples[]): BenchSamples {
  const peers: Record<string, Record<string, Samples>> = {};
  for (const part of parts) {
    for (const [peer, of] of Object.entries(part.peers ?? {})) peers[peer] = { ...peers[peer], ...of };
  }
  return {
    metrics: Object.assign({}, ...parts.map(({ metrics }) => metrics)),
    peers,
    ratios: Object.assign({}, ...parts.map(({ ratios }) => ratios)),
  };
}
