/**
 * The problems of all parts as one sorted list. Of a part that changed its problems are taken out and put in; the others
 * stay where they are, so a change among ten thousand problems sorts only its own.
 */
import { keepUnchanged } from '../keep-unchanged.ts';
import type { Problem } from '../problem.ts';
import { compareProblems, sortProblems } from '../problem-list.ts';

export class JoinedProblems {
  #parts: ReadonlySet<readonly Problem[]> = new Set();
  /** Of the very problems that the parts hold. */
  #whole: readonly Problem[] = [];
  /** Equal to it, and the former one where that is. */
  #told: readonly Problem[] = [];

  /** @param lists each the very same while its problems are. */
  of(lists: readonly (readonly Problem[])[]): readonly Problem[] {
    const parts = new Set(lists.filter((list) => list.length > 0));
    const gone = new Set([...this.#parts].filter((list) => !parts.has(list)).flat());
    const come = [...parts].filter((list) => !this.#parts.has(list)).flat();
    this.#parts = parts;
    if (gone.size + come.length === 0) return this.#told;
    const stay = this.#whole.filter((problem) => !gone.has(problem));
    this.#whole = merged(stay, sortProblems(come));
    this.#told = keepUnchanged(this.#told, this.#whole);
    return this.#told;
  }
}

/** @param left sorted. @param right sorted, and short. */
function merged(left: readonly Problem[], right: readonly Problem[]): readonly Problem[] {
  const all: Problem[] = [];
  let next = 0;
  for (const problem of left) {
    for (let each = right[next]; each !== undefined && compareProblems(each, problem) < 0; each = right[next]) {
      all.push(each);
      next += 1;
    }
    all.push(problem);
  }
  return [...all, ...right.slice(next)];
}
