/** What of all that the CA has issued one proxy is to be told. */
import type { ProxyTrust } from '../envoy/proxy-trust.ts';
import { tenantsOf } from '../envoy/secret.ts';
import type { SharedView } from '../policy/view-classes.ts';
import type { IssuedTrust } from './configure.ts';

/** @returns undefined where something of it is not there yet. */
export function trustFor(view: SharedView, trust: IssuedTrust): ProxyTrust | undefined {
  const leaf = trust.leaf(view.workload.spiffeId);
  if (leaf === undefined) return undefined;
  const bundles = new Map<string, string>();
  for (const tenant of tenantsOf(view)) {
    const bundle = trust.bundlePem(tenant);
    if (bundle === undefined) return undefined;
    bundles.set(tenant, bundle);
  }
  return {
    certificateChainPem: leaf.certificateChainPem,
    privateKeyPem: leaf.privateKeyPem,
    rootPem: trust.rootPem,
    bundles,
  };
}
