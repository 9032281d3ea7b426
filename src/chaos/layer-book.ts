/**
 * Which settings of which run lie on which proxy: a proxy has one layer, and drills of different edges may share it.
 *
 * Every setting is judged once more on its way out: whatever a plan, a journal or a mistake of ours says, no key leaves
 * that is not on the list of what a drill may write.
 */
import { isDrillSetting } from '../envoy/drill-keys.ts';
import type { PlannedProxy } from './drill-engine.ts';
import type { DrillLayers } from './ports.ts';

export class LayerBook {
  readonly #layers: DrillLayers;
  /** By proxy, then by run. Bounded by the proxies of the mesh and the drills that may run at a time. */
  readonly #settings = new Map<string, Map<string, PlannedProxy['keys']>>();

  constructor(layers: DrillLayers) {
    this.#layers = layers;
  }

  isEmpty(): boolean {
    return this.#settings.size === 0;
  }

  liesOn(proxy: string): boolean {
    return this.#settings.has(proxy);
  }

  /** Replaces what this run has there, on all proxies in one turn. @throws before anything is sent, if one key may not leave. */
  lay(run: string, proxies: readonly PlannedProxy[]): void {
    for (const { proxy, keys } of proxies) {
      const bad = keys.find(({ key, value }) => !isDrillSetting(key, value));
      if (bad !== undefined) throw new Error(`\`${bad.key}\` = ${bad.value} for ${proxy} is nothing a drill may write`);
    }
    for (const { proxy, keys } of proxies) {
      const runs = this.#settings.get(proxy) ?? new Map<string, PlannedProxy['keys']>();
      this.#settings.set(proxy, runs.set(run, keys));
      this.#send(proxy, runs);
    }
  }

  /** In one turn, also where nothing of this run is known: what a process before us laid is to be gone as well. */
  lift(run: string, proxies: readonly string[]): void {
    for (const proxy of proxies) {
      const runs = this.#settings.get(proxy);
      runs?.delete(run);
      if (runs === undefined || runs.size === 0) {
        this.#settings.delete(proxy);
        this.#layers.lift(proxy);
      } else this.#send(proxy, runs);
    }
  }

  liftAll(): void {
    const proxies = [...this.#settings.keys()];
    this.#settings.clear();
    for (const proxy of proxies) this.#layers.lift(proxy);
  }

  #send(proxy: string, runs: ReadonlyMap<string, PlannedProxy['keys']>): void {
    const merged = [...runs.values()].flatMap((keys) => keys.map(({ key, value }) => [key, value] as const));
    this.#layers.lay(proxy, new Map(merged));
  }
}
