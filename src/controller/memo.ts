/**
 * What was made of which inputs, so that it is made once while they stand.
 *
 *   of(name, inputs, make) ──the very same inputs──▶ what was made before       otherwise ──▶ make()
 *
 * One name may have several values at a time, one for each set of inputs that is asked about. `sweep` forgets what was
 * not asked for since the last one: that bounds a memo by what is alive.
 */
import { isSameList } from '../model/keep-unchanged.ts';

interface Made<Value> {
  readonly inputs: readonly unknown[];
  readonly value: Value;
  isAsked: boolean;
}

export class Memo<Value> {
  private readonly known = new Map<string, Made<Value>[]>();

  /** @param inputs all that `make` reads. Of one that throws nothing is kept. */
  of(name: string, inputs: readonly unknown[], make: () => Value): Value {
    const all = this.known.get(name) ?? [];
    const before = all.find((each) => isSameList(each.inputs, inputs));
    if (before !== undefined) {
      before.isAsked = true;
      return before.value;
    }
    const made = { inputs, value: make(), isAsked: true };
    this.known.set(name, [...all, made]);
    return made.value;
  }

  sweep(): void {
    for (const [name, all] of this.known) {
      const asked = all.filter(({ isAsked }) => isAsked);
      if (asked.length === 0) this.known.delete(name);
      else if (asked.length < all.length) this.known.set(name, asked);
      for (const each of asked) each.isAsked = false;
    }
  }
}
