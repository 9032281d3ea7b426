/**
 * Secrets that a client asks for by name and that its snapshot does not hold.
 *
 *   request ──▶ names it adds ──not in the snapshot, not told before──▶ told to the operator, never to the client
 *
 * The client reads the same whether such a secret is somebody else's or nobody's. So the operator alone can tell a prying
 * client from a mistaken one, and hears of each name once a stream. What a returning client says it holds counts as asked
 * for: else a lie about it would be the way to pry unheard.
 */
import { absentNames } from './limits.ts';
import type { TypeState } from './type-state.ts';

export interface AbsentAsked {
  /** Cut off where they are too long. */
  readonly names: readonly string[];
  /** How many more the request named that find no room any more: from here on the stream is not told of. */
  readonly further: number;
}

/** @returns the state that remembers what was told, and what is to be told now. */
export function noteAbsent(
  before: TypeState,
  after: TypeState,
  exists: (name: string) => boolean,
): { readonly state: TypeState; readonly absent: AbsentAsked | undefined } {
  const told = new Set(before.absentTold);
  const names: string[] = [];
  let further = 0;
  for (const name of after.subscription.names) {
    if (before.subscription.names.has(name) || exists(name)) continue;
    const shown = name.slice(0, absentNames.unitsMax);
    if (told.has(shown)) continue;
    if (told.size < absentNames.max) {
      told.add(shown);
      names.push(shown);
    } else {
      further += 1;
    }
  }
  if (names.length === 0) return { state: after, absent: undefined };
  return { state: { ...after, absentTold: told }, absent: { names, further } };
}
