/**
 * Who waits for what: proxies by the contents of their units, and those that wait for anything by whom they are like.
 *
 * It is kept as units come and go, so that nobody has to ask every proxy of the mesh.
 */
import { contentsOf, type ProxyState } from './canary-state.ts';
import type { ContentKey } from './rollout-unit.ts';

export class CanaryWaiting {
  readonly #byContent = new Map<ContentKey, Set<string>>();
  readonly #byMates = new Map<string, Set<string>>();

  /** @param before absent: it is new. @param after absent: it is gone. */
  moved(proxy: string, before: ProxyState | undefined, after: ProxyState | undefined): void {
    if (before?.units !== after?.units) {
      for (const content of before?.units.flatMap(contentsOf) ?? []) leave(this.#byContent, content, proxy);
      for (const content of after?.units.flatMap(contentsOf) ?? []) join(this.#byContent, content, proxy);
    }
    if (before !== undefined && before.units.length > 0) leave(this.#byMates, before.mates, proxy);
    if (after !== undefined && after.units.length > 0) join(this.#byMates, after.mates, proxy);
  }

  has(content: ContentKey): boolean {
    return this.#byContent.has(content);
  }

  for(content: ContentKey): Iterable<string> {
    return this.#byContent.get(content) ?? [];
  }

  /** Of those that are alike, the ones that wait for anything; by name. */
  among(mates: string): readonly string[] {
    return [...(this.#byMates.get(mates) ?? [])].sort();
  }
}

function join(sets: Map<string, Set<string>>, key: string, proxy: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([proxy]));
  else set.add(proxy);
}

function leave(sets: Map<string, Set<string>>, key: string, proxy: string): void {
  const set = sets.get(key);
  if (set?.delete(proxy) === true && set.size === 0) sets.delete(key);
}
