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

/** The same trust, asked for each tenant's anchors once: a CA may put them together anew for each who asks. */
export function askedOnce(trust: IssuedTrust): IssuedTrust {
  const bundles = new Map<string, string | undefined>();
  return {
    leaf: (spiffeId) => trust.leaf(spiffeId),
    bundlePem: (tenant) => {
      if (!bundles.has(tenant)) bundles.set(tenant, trust.bundlePem(tenant));
      return bundles.get(tenant);
    },
    rootPem: trust.rootPem,
    workerIdentity: () => trust.workerIdentity(),
  };
}

/** What a CA was asked, and what it answered. */
export interface Answers {
  readonly rootPem: string;
  readonly leaves: ReadonlyMap<string, ReturnType<IssuedTrust['leaf']>>;
  readonly bundles: ReadonlyMap<string, string | undefined>;
}

/** The same trust, and what it will have been asked. */
export function recorded(trust: IssuedTrust): { readonly trust: IssuedTrust; readonly answers: Answers } {
  const { rootPem } = trust;
  const leaves = new Map<string, ReturnType<IssuedTrust['leaf']>>();
  const bundles = new Map<string, string | undefined>();
  const recording: IssuedTrust = {
    leaf: (spiffeId) => {
      leaves.set(spiffeId, trust.leaf(spiffeId));
      return leaves.get(spiffeId);
    },
    bundlePem: (tenant) => {
      bundles.set(tenant, trust.bundlePem(tenant));
      return bundles.get(tenant);
    },
    rootPem,
    workerIdentity: () => trust.workerIdentity(),
  };
  return { trust: recording, answers: { rootPem, leaves, bundles } };
}

/** Whether a CA that is asked the same would answer the same: that is all that somebody depends on who asked no more. */
export function answersAlike(trust: IssuedTrust, { rootPem, leaves, bundles }: Answers): boolean {
  if (trust.rootPem !== rootPem) return false;
  for (const [tenant, bundle] of bundles) if (trust.bundlePem(tenant) !== bundle) return false;
  for (const [spiffeId, before] of leaves) {
    const leaf = trust.leaf(spiffeId);
    if (leaf?.privateKeyPem !== before?.privateKeyPem) return false;
    if (leaf?.certificateChainPem !== before?.certificateChainPem) return false;
  }
  return true;
}
