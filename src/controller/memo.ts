/**
 * What was made of which inputs, so that it is made once while they stand.
 *
 *   of(name, inputs, make) ──the very same inputs──▶ what was made before       otherwise ──▶ make()
 *
 * One name may have several values at a time, one for each set of inputs that is asked about. `sweep` forgets what was
 * not asked for since the last one: that bounds a memo by what is alive. What was asked for while something was made is
 * asked for with it, so that it is still there on the day that the whole is made again.
 */
import { isSameList } from '../model/keep-unchanged.ts';

interface Made<Value> {
  readonly inputs: readonly unknown[];
  readonly value: Value;
  /** What was asked for while it was made. */
  readonly parts: readonly Made<Value>[];
  isAsked: boolean;
}

export class Memo<Value> {
  private readonly known = new Map<string, Made<Value>[]>();
  /** Of what is being made just now. */
  private parts: Made<Value>[] = [];

  /** @param inputs all that `make` reads. Of one that throws nothing is kept. */
  of(name: string, inputs: readonly unknown[], make: () => Value): Value {
    const all = this.known.get(name) ?? [];
    const made = all.find((each) => isSameList(each.inputs, inputs)) ?? this.made(name, inputs, make);
    ask(made);
    this.parts.push(made);
    return made.value;
  }

  sweep(): void {
    this.parts = [];
    for (const [name, all] of this.known) {
      const asked = all.every(({ isAsked }) => isAsked) ? all : all.filter(({ isAsked }) => isAsked);
      if (asked.length === 0) this.known.delete(name);
      else if (asked.length < all.length) this.known.set(name, asked);
      for (const each of asked) each.isAsked = false;
    }
  }

  private made(name: string, inputs: readonly unknown[], make: () => Value): Made<Value> {
    const around = this.parts;
    const parts: Made<Value>[] = [];
    this.parts = parts;
    try {
      const made = { inputs, value: make(), parts, isAsked: false };
      this.known.set(name, [...(this.known.get(name) ?? []), made]);
      return made;
    } finally {
      this.parts = around;
    }
  }
}

function ask<Value>(made: Made<Value>): void {
  if (made.isAsked) return;
  made.isAsked = true;
  for (const part of made.parts) ask(part);
}
