/** How long a sink that failed is left alone. */

/** After the first failure, in ms; it doubles with each. */
const firstDelayMs = 1_000;

/** Longest, in ms: a sink that is back after a night is told of it within this. */
const delayMaxMs = 300_000;

/**
 * @param failures in a row, from 1.
 * @param random 0 to 1, exclusive: replicas that lost one SIEM together do not come back to it together.
 * @returns ms; at least half of the full delay.
 */
export function retryDelayMs(failures: number, random: number): number {
  const fullMs = Math.min(firstDelayMs * 2 ** (failures - 1), delayMaxMs);
  return fullMs / 2 + (fullMs / 2) * random;
}
