/** Looks until there is something to see. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks, in ms. */
const lookMs = 10;

/** @throws `what` did not come within `timeoutMs`. */
export async function until<Seen>(what: string, timeoutMs: number, look: () => Seen | undefined): Promise<Seen> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(lookMs);
  }
}
