/**
 * Values by name, for as long as somebody else holds them: whoever makes an equal one is given the one that is there.
 *
 * So equal content is one object, and what nobody is told any more is nobody's to remember.
 */

/** Names after which the dead are looked for, at first; later at twice what was alive then. */
const firstSweep = 1_024;

export class WeakTable<Value extends object> {
  private readonly references = new Map<string, WeakRef<Value>>();
  private sweepAt = firstSweep;

  get(name: string): Value | undefined {
    return this.references.get(name)?.deref();
  }

  set(name: string, value: Value): void {
    this.references.set(name, new WeakRef(value));
    if (this.references.size < this.sweepAt) return;
    for (const [known, reference] of this.references) {
      if (reference.deref() === undefined) this.references.delete(known);
    }
    this.sweepAt = Math.max(firstSweep, 2 * this.references.size);
  }
}
