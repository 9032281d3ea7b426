/** Runs `work` over `items`, at most `concurrencyMax` at a time, in order of start. The first failure ends it and is thrown. */
export async function forEachBounded<T>(
  items: readonly T[],
  concurrencyMax: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(concurrencyMax, items.length) }, worker));
}
