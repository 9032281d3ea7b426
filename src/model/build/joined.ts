/** The values of all namespaces as one, for as long as none of them is another. */
import { Last } from '../last.ts';

export class JoinedMap<Value> {
  readonly #whole = new Last<ReadonlyMap<string, Value>>(undefined, (_, next) => next);

  /** @returns with the keys in the order of the parts. */
  of(parts: readonly ReadonlyMap<string, Value>[]): ReadonlyMap<string, Value> {
    const filled = parts.filter(({ size }) => size > 0);
    return this.#whole.of(filled, () => {
      const whole = new Map<string, Value>();
      for (const part of filled) for (const [key, value] of part) whole.set(key, value);
      return whole;
    });
  }
}

export class JoinedSet {
  readonly #whole = new Last<ReadonlySet<string>>(undefined, (_, next) => next);

  of(parts: readonly (readonly string[])[]): ReadonlySet<string> {
    return this.#whole.of(parts, () => new Set(parts.flat()));
  }
}
