/**
 * What is written in each certificate of the mesh, as data.
 *
 *   root ─┬▶ intermediate of tenant A ─▶ leaf spiffe://…/ns/a/sa/…      each arrow is a signature
 *         ├▶ intermediate of tenant B ─▶ leaf spiffe://…/ns/b/sa/…
 *         ├▶ intermediate of coffre-system ─▶ leaf spiffe://…/ns/coffre-system/sa/coffre, the control plane as a client
 *         └▶ control-plane intermediate ─▶ server certificate coffre.mesh.coffre
 *
 * A peer of tenant A accepts A's intermediate as its anchor (both of A's, while one replaces the other), not the root, so
 * one tenant's CA cannot vouch for another.
 * Name constraints are the second lock: a tenant's CA can name no DNS name, no address and no URI outside the trust
 * domain, so a leaf it forged for the control plane's own name is refused even by who trusts the root. The control-plane
 * CA is constrained the other way round and can name no workload.
 * Sources: SPIFFE X509-SVID; RFC 5280. Verified against OpenSSL (Node) and BoringSSL (Envoy): test/identity, test/e2e.
 */
import type { NameConstraints } from './name-constraints.ts';

export interface CertificateProfile {
  /** Distinguished name, outermost first; empty for a leaf, whose only name is its URI. */
  readonly subject: readonly { readonly type: 'O' | 'OU' | 'CN'; readonly value: string }[];
  readonly authority: CertificateAuthorityProfile | null;
  readonly keyUsages: readonly ('digitalSignature' | 'keyCertSign' | 'cRLSign')[];
  readonly extendedKeyUsages: readonly ('clientAuth' | 'serverAuth')[];
  readonly alternativeNames: readonly { readonly type: 'url' | 'dns' | 'ip'; readonly value: string }[];
  readonly lifetimeMs: number;
}

export interface CertificateAuthorityProfile {
  /** Most CA certificates that may follow; 0 means that it signs leaves only. */
  readonly pathLength: number;
  readonly constraints: NameConstraints | null;
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** How far notBefore is set back, in ms, so that a peer whose clock is late accepts a fresh certificate. */
export const notBeforeSlackMs = 90_000;

const dayMs = 86_400_000;

/** Life of the root, in ms: ten years. */
export const rootLifetimeMs = 3_650 * dayMs;

/**
 * Life of an intermediate, in ms: two years. A tenant's is replaced at two thirds of it, step by step (ca-rotation.ts); the
 * control plane's, whose peers are anchored at the root, is renewed over the same key at half of it.
 */
export const intermediateLifetimeMs = 730 * dayMs;

/** Life of a server certificate of the control plane, in ms. */
const serverLifetimeMs = dayMs;

/** A host that no URI can have (RFC 6761): permitting it alone forbids every URI. */
const noHost = 'none.invalid';

const organisation = { type: 'O', value: 'Coffre' } as const;

export function rootProfile(): CertificateProfile {
  return {
    subject: [organisation, { type: 'CN', value: 'mesh root' }],
    authority: { pathLength: 1, constraints: null },
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    alternativeNames: [],
    lifetimeMs: rootLifetimeMs,
  };
}

export function tenantIntermediateProfile(trustDomain: string, tenant: string): CertificateProfile {
  return {
    subject: [organisation, { type: 'OU', value: 'tenant' }, { type: 'CN', value: tenant }],
    authority: {
      pathLength: 0,
      constraints: {
        permitted: [{ kind: 'uri', host: trustDomain }],
        excluded: [{ kind: 'dns', base: '' }, { kind: 'email', base: '' }, ...everyIp],
      },
    },
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    alternativeNames: [],
    lifetimeMs: intermediateLifetimeMs,
  };
}

export function controlPlaneIntermediateProfile(): CertificateProfile {
  return {
    subject: [organisation, { type: 'OU', value: 'control plane' }, { type: 'CN', value: 'control plane' }],
    authority: {
      pathLength: 0,
      constraints: {
        permitted: [{ kind: 'uri', host: noHost }],
        excluded: [{ kind: 'email', base: '' }, ...everyIp],
      },
    },
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    alternativeNames: [],
    lifetimeMs: intermediateLifetimeMs,
  };
}

export function leafProfile(spiffeId: string, lifetimeMs: number): CertificateProfile {
  return {
    subject: [],
    authority: null,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['clientAuth', 'serverAuth'],
    alternativeNames: [{ type: 'url', value: spiffeId }],
    lifetimeMs,
  };
}

export function serverProfile(dnsName: string): CertificateProfile {
  return {
    subject: [],
    authority: null,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['serverAuth'],
    alternativeNames: [{ type: 'dns', value: dnsName }],
    lifetimeMs: serverLifetimeMs,
  };
}

/**
 * @param issuerNotAfterMs end of the issuer; nothing outlives it. Infinity for the root.
 * @returns whole seconds, as X.509 writes them.
 */
export function validityOf(lifetimeMs: number, nowMs: number, issuerNotAfterMs: number): Validity {
  const wholeSeconds = (ms: number): number => Math.floor(ms / 1_000) * 1_000;
  return {
    notBeforeMs: wholeSeconds(nowMs - notBeforeSlackMs),
    notAfterMs: wholeSeconds(Math.min(nowMs + lifetimeMs, issuerNotAfterMs)),
  };
}

const everyIp = [
  { kind: 'every-ip', family: 4 },
  { kind: 'every-ip', family: 6 },
] as const;
