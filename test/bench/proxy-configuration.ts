/** What one proxy is told, of a snapshot, without a turn of the loop over all the others. */
import { benchPlatform } from '../../bench/bench-platform.ts';
import { encoded } from '../../src/controller/encode.ts';
import { resourcesFor } from '../../src/envoy/resources-for.ts';
import { tenantsOf } from '../../src/envoy/secret.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { viewOf } from '../../src/policy/view.ts';
import type { Resource, ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { fakeTrust } from '../fixtures/fake-trust.ts';

export function configurationOf(snapshot: Snapshot, key: string): ResourceSnapshot {
  const workload = snapshot.workloads.get(key);
  if (workload === undefined) throw new Error(`\`${key}\` is no workload`);
  const view = viewOf(snapshot, workload, 0);
  const bundles = new Map([...tenantsOf(view)].map((tenant) => [tenant, fakeTrust.bundlePem(tenant) ?? '']));
  const leaf = fakeTrust.leaf(workload.spiffeId);
  if (leaf === undefined) throw new Error(`\`${key}\` has no leaf`);
  const resources = resourcesFor(view, { ...leaf, rootPem: fakeTrust.rootPem, bundles }, benchPlatform).map(encoded);
  const types = new Map<string, Map<string, Resource>>(Object.values(typeUrls).map((typeUrl) => [typeUrl, new Map()]));
  for (const resource of resources) types.get(resource.typeUrl)?.set(resource.name, resource);
  return { revision: snapshot.revision, types };
}
