/** An OpenID Connect provider as somebody configured it: what this room is given, and all it knows of a tenant. */
export interface IdentityProvider {
  readonly name: string;
  readonly preset: Preset;
  /** Exactly the `iss` of its tokens. */
  readonly issuer: string;
  /** Exact values of `aud`, of which a token must name one. */
  readonly audiences: readonly string[];
  /** Absent: found by discovery. */
  readonly jwksUri?: string | undefined;
  /** Absent: the preset's own. */
  readonly groupsClaim?: string | undefined;
  /** Of `google`: values of `hd` that are let in. Empty lets nobody in. */
  readonly hostedDomains: readonly string[];
  /** Hosts inside that may be dialled for it, by whoever owns the network; absent means none. */
  readonly privateHosts?: readonly PrivateHost[] | undefined;
}

/** One host, and where it may be: what its name resolves to must be public or in one of these ranges. */
export interface PrivateHost {
  readonly host: string;
  readonly port: number;
  /** In CIDR notation. */
  readonly addresses: readonly string[];
}

export type Preset = 'google' | 'entra' | 'okta' | 'jumpcloud' | 'auth0' | 'oidc';
