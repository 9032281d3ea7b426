/** Values by place, made again only where one of their inputs is another value. A place that one turn leaves out is forgotten. */
import { isSameList } from '../../model/keep-unchanged.ts';

interface Made {
  readonly inputs: readonly unknown[];
  readonly value: unknown;
}

export class Remembered {
  #former: ReadonlyMap<string, Made> = new Map();
  #made = new Map<string, Made>();

  /** What was not asked for since the last turn is let go. */
  beginTurn(): void {
    this.#former = this.#made;
    this.#made = new Map();
  }

  /** @param place with always the same kind of value. */
  of<T>(place: string, inputs: readonly unknown[], make: () => T): T {
    const known = this.#former.get(place);
    const made = known !== undefined && isSameList(known.inputs, inputs) ? known : { inputs, value: make() };
    this.#made.set(place, made);
    return made.value as T;
  }
}
