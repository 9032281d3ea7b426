/**
 * The certificate authority of one mesh, as the rest of the control plane sees it.
 *
 *   ensure(everything that should exist now) ──▶ leaf(id), bundlePem(tenant), serverCredentials(): from memory, at once
 *
 * `ensure` is level-triggered: it issues what is missing or past half life and drops what vanished; the same call again
 * does nothing. Intermediates are never dropped: a tenant that leaves and returns (a typing error in its file) keeps its
 * anchor, and no peer sees it move.
 */
import type { Leaf } from './leaf.ts';
import type { TokenIssuer } from './token-issuer.io.ts';

export interface Authority {
  readonly trustDomain: string;
  readonly rootPem: string;
  readonly tokens: TokenIssuer;
  /** The one anchor for peers of this tenant. @returns undefined for a tenant that `ensure` was not told of. */
  bundlePem(tenant: string): string | undefined;
  leaf(spiffeId: string): Leaf | undefined;
  /** @param dnsName default: the control plane's own name. */
  serverCredentials(dnsName?: string): Leaf | undefined;
  /** Calls made while one runs are done one after another. Rejects only on a broken invariant. */
  ensure(wanted: WantedIdentities): Promise<EnsureResult>;
  /** Epoch ms at which `ensure` has work again. In the past while something failed, so callers keep a shortest wait. */
  nextRenewalMs(): number;
}

/** The control plane's own name, which every bootstrap demands of it. */
export const defaultServerDnsName = 'coffre.mesh.coffre';

/** Everything that should exist now. */
export interface WantedIdentities {
  /** Tenants that need an anchor; those that `spiffeIds` speak of are included by themselves. */
  readonly tenants: readonly string[];
  readonly spiffeIds: readonly string[];
  readonly leafLifetimeMs: number;
}

export interface EnsureResult {
  /** True where a leaf, a bundle or a server certificate is not what it was before. */
  readonly changed: boolean;
  /** What could not be issued or saved. The rest is done; the next call tries again. */
  readonly failures: readonly EnsureFailure[];
}

export interface EnsureFailure {
  /** Record in the state folder, such as `leaves/shop/cart`. */
  readonly name: string;
  readonly cause: unknown;
}
