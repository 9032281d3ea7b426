/** Whether the keys of identity providers can be had, and how old those in use are. Never a series for each issuer: tenants write them. */
import { instruments, type keyStates } from './instruments.ts';
import type { Meters } from './meters.ts';

export interface SeenKeys {
  /** Number of issuers. */
  readonly states: Readonly<Record<(typeof keyStates)[number], number>>;
  /** Epoch ms. */
  readonly oldestMs: number | undefined;
}

export type SeenKeyFetch = { readonly kind: 'fetched'; readonly changed: boolean } | { readonly kind: 'failed' };

/** @returns what is to be told of each fetch. */
export function telemetryOfKeys(meters: Meters, keys: () => SeenKeys): (fetch: SeenKeyFetch) => void {
  const fetches = meters.count(instruments.keyFetches);
  meters.read(instruments.keyIssuers, (tell) => {
    const { fresh, stale, none } = keys().states;
    tell(fresh, { keys: 'fresh' });
    tell(stale, { keys: 'stale' });
    tell(none, { keys: 'none' });
  });
  meters.read(instruments.keysOldest, (tell) => tell((keys().oldestMs ?? 0) / 1_000, {}));
  return (fetch) => {
    if (fetch.kind === 'failed') fetches(1, { outcome: 'failed' });
    else fetches(1, { outcome: fetch.changed ? 'changed' : 'unchanged' });
  };
}
