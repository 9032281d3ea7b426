/**
 * What a proxy proves itself with and whom it believes. Comes from the CA; the private key is inside, so a value of
 * this type goes into the SDS secret and nowhere else.
 */
export interface ProxyTrust {
  /** Leaf, then its intermediate, PEM. */
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
  /** The mesh root: the anchor for what belongs to no tenant, such as authorization workers; never for a workload. */
  readonly rootPem: string;
  /**
   * By tenant: the intermediates that vouch for it, PEM: one, or two while one replaces the other. Always of that tenant
   * alone: CAs of two tenants in one context would let one name the other's identities.
   */
  readonly bundles: ReadonlyMap<string, string>;
}
