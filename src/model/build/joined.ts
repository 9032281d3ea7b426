/** The values of all namespaces as one, for as long as none of them is another. */
import { JoinedMap } from '../joined-map.ts';
import { Last } from '../last.ts';
import type { Built } from './part.ts';

export class JoinedParts<Value> {
  readonly #last = new Last<JoinedMap<Value>>(undefined, (_, next) => next);

  /** @returns with the keys in the order of the namespaces; what is empty is one value, whatever it was made of. */
  of<Part>(built: Built<Part>, pick: (part: Part) => ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
    const joined = this.#last.of([built], (former = none) =>
      former.with(built.entries().map(([namespace, part]) => [namespace, pick(part)])),
    );
    return joined.size === 0 ? none : joined;
  }
}

export const none = new JoinedMap<never>();

export class JoinedSet {
  readonly #whole = new Last<ReadonlySet<string>>(undefined, (_, next) => next);

  of(parts: readonly (readonly string[])[]): ReadonlySet<string> {
    return this.#whole.of(parts, () => new Set(parts.flat()));
  }
}
