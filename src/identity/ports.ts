/** What this room needs from the world: the time and unguessable bytes. Key pairs come from WebCrypto and cannot be injected. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

export interface Entropy {
  /** Fresh random bytes. Used for serial numbers, nonces and token ids; must be unguessable. */
  bytes(length: number): Uint8Array;
}

export interface IdentityPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
}
