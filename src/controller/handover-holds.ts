/**
 * What is held back from whom, since when, and who is waited for.
 *
 *   set(proxy, held, waitsFor) ──▶ sinceMs(proxy, key), waitingFor(other), oldestMs
 *
 * While one change is under way each of its answers asks when the first of all holds ends; so that is known without
 * looking at every hold, and looked for only where one has come or gone.
 */
import type { ResourceKey } from './references.ts';

interface Hold {
  /** By resource, in ms as the `nowMs` of `set` counts them. */
  readonly sinceMs: ReadonlyMap<ResourceKey, number>;
  readonly waitsFor: ReadonlySet<string>;
}

export class HandoverHolds {
  readonly #holds = new Map<string, Hold>();
  /** Proxies by whom they wait for. */
  readonly #waiting = new Map<string, Set<string>>();
  /** Absent since a hold came or went. */
  #oldestMs: number | undefined = Infinity;

  /** Proxies that something is held back from. */
  all(): Set<string> {
    return new Set(this.#holds.keys());
  }

  has(proxy: string): boolean {
    return this.#holds.has(proxy);
  }

  get isEmpty(): boolean {
    return this.#holds.size === 0;
  }

  /** Those from which something is held back until this one answers, or goes. */
  waitingFor(other: string): Set<string> {
    return new Set(this.#waiting.get(other));
  }

  /** In the same ms; absent where nothing of that name is held back. */
  sinceMs(proxy: string, key: ResourceKey): number | undefined {
    return this.#holds.get(proxy)?.sinceMs.get(key);
  }

  /** Since when the longest of all holds lasts, in the same ms; Infinity where there is none. */
  get oldestMs(): number {
    if (this.#oldestMs !== undefined) return this.#oldestMs;
    let oldestMs = Infinity;
    for (const hold of this.#holds.values()) {
      for (const sinceMs of hold.sinceMs.values()) oldestMs = Math.min(oldestMs, sinceMs);
    }
    this.#oldestMs = oldestMs;
    return oldestMs;
  }

  /** What is held of a proxy takes the place of what was; what was held before has been since then. */
  set(proxy: string, held: ReadonlySet<ResourceKey>, waitsFor: ReadonlySet<string>, nowMs: number): void {
    const before = this.#holds.get(proxy);
    if (before === undefined && held.size === 0) return;
    this.delete(proxy);
    if (held.size === 0) return;
    this.#oldestMs = undefined;
    const sinceMs = new Map([...held].map((key) => [key, before?.sinceMs.get(key) ?? nowMs]));
    this.#holds.set(proxy, { sinceMs, waitsFor });
    for (const other of waitsFor) this.#waiting.set(other, (this.#waiting.get(other) ?? new Set()).add(proxy));
  }

  delete(proxy: string): void {
    const hold = this.#holds.get(proxy);
    if (hold === undefined) return;
    this.#oldestMs = undefined;
    this.#holds.delete(proxy);
    for (const other of hold.waitsFor) {
      const left = this.#waiting.get(other);
      if (left?.delete(proxy) === true && left.size === 0) this.#waiting.delete(other);
    }
  }
}
