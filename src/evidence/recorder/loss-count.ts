/** What was lost and not yet told, by kind: exact, whatever becomes of the attempts to tell it. */
import type { EventKind, LossEvent } from '../event.ts';

export class LossCount {
  readonly #total = new Map<EventKind, number>();
  readonly #untold = new Map<EventKind, number>();

  /** Since the start, by kind, told or not. */
  get total(): ReadonlyMap<EventKind, number> {
    return this.#total;
  }

  get hasUntold(): boolean {
    return this.#untold.size > 0;
  }

  add(kind: EventKind): void {
    this.#total.set(kind, (this.#total.get(kind) ?? 0) + 1);
    this.#untold.set(kind, (this.#untold.get(kind) ?? 0) + 1);
  }

  /** One event for all that is not told; it is told only when `told` says so. */
  event(common: Pick<LossEvent, 'id' | 'atMs' | 'tenant'>): LossEvent {
    const kinds = Object.fromEntries([...this.#untold].sort(([left], [right]) => (left < right ? -1 : 1)));
    const count = [...this.#untold.values()].reduce((sum, each) => sum + each, 0);
    const named = Object.entries(kinds).map(([kind, lost]) => `${kind} ${lost}`);
    const why = `it was too large, or more than could wait for the disk: ${named.join(', ')}`;
    return { ...common, kind: 'loss', where: 'recorder', count, why, kinds };
  }

  /** What came since the event was made stays to be told. */
  told({ kinds = {} }: LossEvent): void {
    for (const [kind, untold] of [...this.#untold]) {
      const left = untold - (kinds[kind] ?? 0);
      if (left > 0) this.#untold.set(kind, left);
      else this.#untold.delete(kind);
    }
  }
}
