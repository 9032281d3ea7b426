/**
 * The certificate authority of one mesh, as the rest of the control plane sees it.
 *
 *   ensure(everything that should exist now) ──▶ leaf(id), bundlePem(tenant), serverCredentials(): from memory, at once
 *
 * `ensure` is level-triggered: it issues what is missing or past half life and drops what vanished; the same call again
 * does nothing. The control plane's own identity as a client is among what should exist, whatever the caller wants: its
 * namespace has a CA like a tenant's, and no tenant's CA vouches for it. Intermediates are never dropped: a tenant that leaves and returns (a typing error in its file) keeps its
 * anchor, and no peer sees it move. They are replaced by rotation (ca-rotation.ts), which begins by a call or by itself
 * at two thirds of a life, is persisted at each step, and advances only when its caller says that the proxies are ready.
 */
import type { RotationStep } from './ca-rotation.ts';
import type { Leaf } from './leaf.ts';
import type { TokenIssuer } from './token-issuer.io.ts';

export interface Authority {
  readonly trustDomain: string;
  readonly rootPem: string;
  readonly tokens: TokenIssuer;
  /**
   * The anchors for peers of this tenant: its CA, or the two that change places. Of this tenant, never of another.
   * @returns undefined for a tenant that `ensure` was not told of.
   */
  bundlePem(tenant: string): string | undefined;
  leaf(spiffeId: string): Leaf | undefined;
  /** @param dnsName default: the control plane's own name. */
  serverCredentials(dnsName?: string): Leaf | undefined;
  /** By which the control plane is known to sidecars, as `controlPlaneSpiffeId`; undefined before the first `ensure`. */
  clientCredentials(): Leaf | undefined;
  /** Calls made while one runs are done one after another. Rejects only on a broken invariant. */
  ensure(wanted: WantedIdentities): Promise<EnsureResult>;
  /** Rotations under way, as of now. One that rests at its step is the same object in every answer. */
  rotations(): readonly RotationStatus[];
  /** Makes a new CA for the tenant and begins to replace the old one by it. Rejects where that cannot be saved. */
  beginRotation(tenant: string): Promise<RotationAnswer>;
  /** Turns a rotation round, at whatever step it is: what it replaced stays, and what it brought goes. */
  abortRotation(tenant: string): Promise<RotationAnswer>;
  /**
   * The next step. To be called when every proxy that was told of the tenant's CA has accepted what `seen` means.
   * @param seen from `rotations()`, before what was accepted was published.
   * @returns false where the rotation has moved since, or a leaf of the tenant still has the other issuer.
   */
  advanceRotation(seen: RotationStatus): Promise<boolean>;
  /** Another replica has written this record: the next `ensure` reads it. */
  recordChanged(name: string): void;
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
  /** Of them, those that get no new certificate: what they have is kept until it ends or its issuer goes, and not renewed. */
  readonly withheld?: readonly string[];
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

/** A tenant's CA on its way to be replaced. */
export interface RotationStatus {
  readonly tenant: string;
  readonly step: RotationStep;
  /** Epoch ms at which this step began. */
  readonly sinceMs: number;
  /** It goes back: what `leaving` names is the new one. */
  readonly aborted: boolean;
  /** SHA-256 fingerprints of the CA certificates, as `openssl x509 -fingerprint -sha256` writes them. */
  readonly leaving: string;
  readonly staying: string;
}

export type RotationAnswer =
  | { readonly kind: 'accepted'; readonly rotation: RotationStatus }
  | { readonly kind: 'refused'; readonly message: string; readonly advice: string };
