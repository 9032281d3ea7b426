/** A certificate as its holder gets it: the chain up to, and without, the root, and the private key. */
import type { Validity } from './certificate-profile.ts';
import type { Redacted } from './redacted.ts';

export interface Leaf extends Validity {
  /** Leaf, then its intermediate: a leaf alone is refused by a peer that is anchored at the root. */
  readonly certificateChainPem: string;
  readonly privateKeyPem: Redacted;
}
