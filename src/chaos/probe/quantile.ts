/**
 * The smallest of the values that at least this share of them does not exceed (nearest rank): exact, and always a value
 * that was really seen.
 * @param share above 0, at most 1. @returns undefined of no values.
 */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
