/** What was opened, closed again: the last opened first, and one that cannot be closed keeps none of the others open. */
export class Closers {
  readonly #closers: (() => unknown)[] = [];

  push(...closers: readonly (() => unknown)[]): void {
    this.#closers.push(...closers);
  }

  /** @throws AggregateError of what could not be closed, after all else is. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let each = this.#closers.pop(); each !== undefined; each = this.#closers.pop()) {
      try {
        await each();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not all that was opened could be closed');
  }
}
