/** Who dials, where, and as what the other side takes him. */

/** An identity that a tenant's CA vouches for. */
export interface Caller {
  readonly spiffeId: string;
  readonly tenant: string;
}

export interface Dialled {
  /** Of the workload. */
  readonly address: string;
  readonly port: number;
  readonly transport: 'tls' | 'plaintext';
  /** Absent where none is said. */
  readonly sni?: string;
}

/** What the handshake made of the caller. */
export type Peer =
  | { readonly kind: 'plaintext' }
  /** TLS without a client certificate. */
  | { readonly kind: 'anonymous' }
  /** With a certificate that was checked, or that nobody checks and that may say anything. */
  | { readonly kind: 'named'; readonly spiffeId: string };

export interface Connection extends Dialled {
  readonly peer: Peer;
}
