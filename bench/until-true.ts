/** Looks until something holds. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks, in ms: a look may read a long file. */
const lookMs = 200;

/** @throws `what` did not come within `timeoutMs`. */
export async function untilTrue(what: string, timeoutMs: number, look: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(lookMs);
  }
}
