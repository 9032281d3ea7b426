/**
 * Which clusters of which proxies are watched, and by how many: what each proxy is to be asked follows from it.
 *
 *   watch(clients, cluster) ──▶ clients whose set has changed ──▶ … ──▶ stop() ──▶ those whose set has changed again
 */
import { watchedClustersMax } from './load-limits.ts';

export class LoadWatches {
  /** Watchers by cluster, by client. */
  readonly #watchers = new Map<string, Map<string, number>>();

  /** @returns false where the client is asked of as many clusters as it may be, and true otherwise. */
  add(client: string, cluster: string): boolean {
    const clusters = this.#watchers.get(client) ?? new Map<string, number>();
    const count = clusters.get(cluster) ?? 0;
    if (count === 0 && clusters.size >= watchedClustersMax) return false;
    this.#watchers.set(client, clusters.set(cluster, count + 1));
    return true;
  }

  remove(client: string, cluster: string): void {
    const clusters = this.#watchers.get(client);
    const count = (clusters?.get(cluster) ?? 0) - 1;
    if (count > 0) clusters?.set(cluster, count);
    else clusters?.delete(cluster);
    if (clusters?.size === 0) this.#watchers.delete(client);
  }

  /** Sorted. */
  of(client: string): readonly string[] {
    return [...(this.#watchers.get(client)?.keys() ?? [])].sort();
  }

  has(client: string, cluster: string): boolean {
    return this.#watchers.get(client)?.has(cluster) === true;
  }
}
