/**
 * Whether to send us traffic, and who wants to hear when that changes. One status for every service of the process.
 */
export type HealthStatus = 'serving' | 'not-serving';

export class HealthState {
  #status: HealthStatus = 'not-serving';
  readonly #watchers = new Set<(status: HealthStatus) => void>();

  get status(): HealthStatus {
    return this.#status;
  }

  set(status: HealthStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    for (const watcher of this.#watchers) watcher(status);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** @returns what ends the watching. */
  watch(watcher: (status: HealthStatus) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
