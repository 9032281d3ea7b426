/**
 * How much one proxy is told as the mesh around it grows: its own and what it calls, never the mesh.
 *
 * Pure: a few proxies of each mesh are built and nobody is served. There are no peers, for what is asked is our scope.
 */

import { encoded } from '../src/controller/encode.ts';
import { resourcesFor } from '../src/envoy/resources-for.ts';
import { tenantsOf } from '../src/envoy/secret.ts';
import { buildSnapshot } from '../src/model/build-snapshot.ts';
import { viewOf } from '../src/policy/view.ts';
import type { Bench, Samples } from './bench.ts';
import { benchPlatform } from './bench-platform.ts';
import { MeshObjects } from './mesh-objects.ts';
import { standardMesh } from './standard-mesh.ts';

const scales = [0.25, 1, 4];
/** Proxies of each mesh, spread over it. */
const proxiesPerMesh = 20;
/** About as long as real ones. */
const pem = 'A'.repeat(1_200);

export const scopeSize: Bench = {
  name: 'scope-size',
  what: `bytes and resources a proxy at ${scales.join(', ')} times the standard mesh (aim 60 kB, and no growth)`,
  async run({ small, say }) {
    const metrics: Record<string, Samples> = {};
    for (const scale of scales.map((each) => (small ? each / 10 : each))) {
      const sizes = sizesOf(scale);
      metrics[`bytes_per_proxy_${scale}x`] = { unit: 'B', values: sizes.map(({ bytes }) => bytes) };
      metrics[`resources_per_proxy_${scale}x`] = { unit: 'count', values: sizes.map(({ resources }) => resources) };
      say(`${scale} times: ${sizes.length} proxies`);
    }
    return { metrics };
  },
};

function sizesOf(scale: number): readonly { readonly bytes: number; readonly resources: number }[] {
  const mesh = standardMesh(scale);
  const snapshot = buildSnapshot(new MeshObjects(mesh).all());
  const every = Math.max(1, Math.floor(mesh.proxies.length / proxiesPerMesh));
  const chosen = mesh.proxies.filter((_, index) => index % every === 0).slice(0, proxiesPerMesh);
  return chosen.map(({ key }) => {
    const workload = snapshot.workloads.get(key);
    if (workload === undefined) throw new Error(`\`${key}\` is no workload`);
    const view = viewOf(snapshot, workload, 0);
    const bundles = new Map([...tenantsOf(view)].map((tenant) => [tenant, pem]));
    const trust = { certificateChainPem: pem, privateKeyPem: pem, rootPem: pem, bundles };
    const resources = resourcesFor(view, trust, benchPlatform).map(encoded);
    return { bytes: resources.reduce((sum, { any }) => sum + any.length, 0), resources: resources.length };
  });
}
