/** What one replica's newest publication says of the CAs of tenants. */
export interface PublishedTrust {
  /** Steps of rotations that it says, by names that only whoever turns rotations understands. */
  readonly steps: readonly string[];
  /** Workloads to which nothing could be said. */
  readonly untold: readonly string[];
}

/** Before anything was told: no step counts. */
export const noTrust: PublishedTrust = { steps: [], untold: [] };
