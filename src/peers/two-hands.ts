/**
 * Two who may lay something on the proxies here: this replica's own drills, and the leader it follows.
 *
 *   own ──┐
 *   leader's ──▶ what lies: the leader's where there is any, else our own
 *
 * Both write at once where a former leader winds its drills up under the next: what it lifts is its own, and nobody else's.
 */
import type { Settings } from './following.ts';

export interface Layers {
  lay(proxy: string, settings: Settings): void;
  lift(proxy: string): void;
}

export interface TwoHands {
  readonly own: Layers;
  readonly leaders: Layers;
}

export function twoHands(layers: Layers): TwoHands {
  const own = new Map<string, Settings>();
  const leaders = new Map<string, Settings>();
  return {
    own: {
      lay(proxy, settings) {
        own.set(proxy, settings);
        if (!leaders.has(proxy)) layers.lay(proxy, settings);
      },
      lift(proxy) {
        own.delete(proxy);
        if (!leaders.has(proxy)) layers.lift(proxy);
      },
    },
    leaders: {
      lay(proxy, settings) {
        leaders.set(proxy, settings);
        layers.lay(proxy, settings);
      },
      lift(proxy) {
        leaders.delete(proxy);
        const ours = own.get(proxy);
        if (ours === undefined) layers.lift(proxy);
        else layers.lay(proxy, ours);
      },
    },
  };
}
