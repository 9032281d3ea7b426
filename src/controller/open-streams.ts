/** How many streams each proxy has: two for a moment where it came back before its first was known to be dead. */
export class OpenStreams {
  readonly #counts = new Map<string, number>();

  /** @returns how many there are now. */
  opened(proxy: string): number {
    const count = (this.#counts.get(proxy) ?? 0) + 1;
    this.#counts.set(proxy, count);
    return count;
  }

  /** @returns how many are left. */
  closed(proxy: string): number {
    const count = Math.max(0, (this.#counts.get(proxy) ?? 0) - 1);
    if (count === 0) this.#counts.delete(proxy);
    else this.#counts.set(proxy, count);
    return count;
  }
}
