/** What a record of a pruning covers: bodies of this class, from before this time, are gone by rule. */
export interface PruneCover {
  readonly class: string;
  /** Epoch ms. */
  readonly beforeMs: number;
}

/** @param body of a store's own event: of a chain that nobody has vouched for yet, so it may be anything. */
export function coverOf(body: string): PruneCover | undefined {
  try {
    const { pruned } = JSON.parse(body);
    return typeof pruned?.class === 'string' && typeof pruned.beforeMs === 'number' ? pruned : undefined;
  } catch {
    return undefined;
  }
}
