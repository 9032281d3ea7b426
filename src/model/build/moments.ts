/**
 * The moment, as far as one namespace can tell it: the last end of a grant or consent of its own that has passed.
 * So a clock that moves moves nothing until something ends.
 */

import type { Inventory } from './inventory.ts';
import type { BuildCounters, Look } from './look.ts';
import { Part } from './part.ts';

export class Moments {
  readonly #ends: Part<readonly number[]>;

  constructor(counters: BuildCounters) {
    this.#ends = new Part((namespace) => counters.built('ends', namespace));
  }

  /** @returns by namespace, epoch ms against which its ends are judged as against the look's own; absent where that is. */
  of({ namespaces, nowMs }: Look): (namespace: string) => number | undefined {
    if (nowMs === undefined) return () => undefined;
    const ends = this.#ends.each(namespaces, (own) => ({
      reads: [own.of('Grant'), own.of('DrillConsent')],
      make: () => endsIn(own),
    }));
    return (namespace) => {
      const passed = (ends.of(namespace) ?? []).filter((endMs) => endMs <= nowMs);
      return passed.at(-1) ?? Number.NEGATIVE_INFINITY;
    };
  }
}

/** Sorted. */
function endsIn(inventory: Inventory): readonly number[] {
  const bounded = [...inventory.of('Grant'), ...inventory.of('DrillConsent')];
  return bounded
    .flatMap(({ object }) => (object.spec.notAfter === undefined ? [] : [Date.parse(object.spec.notAfter)]))
    .sort((left, right) => left - right);
}
