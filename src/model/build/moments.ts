/**
 * The moment, as far as one namespace can tell it: the last end of a grant, rule or consent of its own that has passed.
 * So a clock that moves moves nothing until something ends.
 */

import { Last } from '../last.ts';
import type { Inventory } from './inventory.ts';
import type { BuildCounters, Look } from './look.ts';
import { Part, type Versioned } from './part.ts';

/** By namespace, epoch ms against which its ends are judged as against the look's own. */
export interface MomentsOfLook extends Versioned {
  /** Absent where the look has none. */
  of(namespace: string): number | undefined;
}

type Ends = readonly (readonly [namespace: string, ends: readonly number[]])[];

export class Moments {
  readonly #ends: Part<readonly number[]>;
  readonly #bounded = new Last<Ends>(undefined, (_, next) => next);
  #passed: ReadonlyMap<string, number> = new Map();
  #isTimeless = true;
  #version = 0;

  constructor(counters: BuildCounters) {
    this.#ends = new Part((namespace) => counters.built('ends', namespace));
  }

  of({ inventories, namespaces, nowMs }: Look): MomentsOfLook {
    const isTimeless = nowMs === undefined;
    const places = isTimeless ? [] : namespaces;
    const ends = this.#ends.each(places, { whole: [isTimeless], own: [inventories] }, (own) => ({
      reads: [own.of('Grant'), own.of('AccessPolicy'), own.of('DrillConsent')],
      make: () => endsIn(own),
    }));
    const bounded = this.#bounded.of([ends], () => ends.entries().filter(([, own]) => own.length > 0));
    const before = this.#passed;
    const passed = new Map(bounded.flatMap(([namespace, own]) => passedIn(namespace, own, nowMs)));
    const moved = new Set([...before.keys(), ...passed.keys()].filter((each) => before.get(each) !== passed.get(each)));
    // From no moment to one all are others, which is two versions at once.
    this.#version += isTimeless === this.#isTimeless ? Math.min(moved.size, 1) : 2;
    this.#isTimeless = isTimeless;
    this.#passed = passed;
    const of = (namespace: string) => (isTimeless ? undefined : (passed.get(namespace) ?? Number.NEGATIVE_INFINITY));
    return { of, version: this.#version, moved };
  }
}

function passedIn(
  namespace: string,
  ends: readonly number[],
  nowMs = Number.NEGATIVE_INFINITY,
): (readonly [string, number])[] {
  const last = ends.filter((endMs) => endMs <= nowMs).at(-1);
  return last === undefined ? [] : [[namespace, last]];
}

/** Sorted. */
function endsIn(inventory: Inventory): readonly number[] {
  const rules = inventory
    .of('AccessPolicy')
    .flatMap(({ object: { spec } }) => [...(spec.allow ?? []), ...(spec.deny ?? [])]);
  const others = [...inventory.of('Grant'), ...inventory.of('DrillConsent')].map(({ object }) => object.spec);
  return [...rules, ...others]
    .flatMap(({ notAfter }) => (notAfter === undefined ? [] : [Date.parse(notAfter)]))
    .sort((left, right) => left - right);
}
