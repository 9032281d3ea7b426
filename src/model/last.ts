/**
 * What was made last of which inputs: while they are the very same, it is not made again.
 *
 *   of(inputs, make) ──the very same inputs──▶ the value of before       otherwise ──▶ make(), of the former's parts where equal
 *
 * It remembers one value and no more, so it is bounded by whoever holds it. What it promises rests on its caller: `inputs`
 * are all that `make` reads, and nobody changes them in place.
 */
import { isSameList, keepUnchanged } from './keep-unchanged.ts';

export class Last<Value> {
  readonly #made: () => void;
  readonly #keep: (former: Value | undefined, next: Value) => Value;
  #inputs: readonly unknown[] = [];
  #value: { readonly of: Value } | undefined;

  /**
   * @param made told of each time that something is made.
   * @param keep takes from the former value what is equal in the next; by default all plain data is compared.
   */
  constructor(
    made: () => void = () => undefined,
    keep: (former: Value | undefined, next: Value) => Value = keepUnchanged,
  ) {
    this.#made = made;
    this.#keep = keep;
  }

  /** @param make is given the former value. Of one that throws nothing is kept. */
  of(inputs: readonly unknown[], make: (former: Value | undefined) => Value): Value {
    if (this.#value !== undefined && isSameList(this.#inputs, inputs)) return this.#value.of;
    const former = this.#value?.of;
    const value = this.#keep(former, make(former));
    this.#inputs = inputs;
    this.#value = { of: value };
    this.#made();
    return value;
  }
}
