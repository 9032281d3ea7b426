/** Problems while one part of the mesh is built: bounded for each object, and in an order that does not depend on the order of finding. */
import { compareText } from './canonical-json.ts';
import type { Problem } from './problem.ts';
import { type Finding, problemOf, type SourcedObject } from './sourced-object.ts';

/** Most problems of one object in one part of the build; the next ones say nothing new to its author. */
const problemsPerObjectMax = 16;

export class ProblemList {
  readonly #byObject = new Map<string, Problem[]>();

  error(object: SourcedObject, finding: Omit<Finding, 'severity'>): void {
    this.#add(object, { ...finding, severity: 'error' });
  }

  warning(object: SourcedObject, finding: Omit<Finding, 'severity'>): void {
    this.#add(object, { ...finding, severity: 'warning' });
  }

  #add(object: SourcedObject, finding: Finding): void {
    const id = `${object.id} ${object.where.file}:${object.where.line}`;
    const problems = this.#byObject.get(id) ?? [];
    if (problems.length < problemsPerObjectMax) problems.push(problemOf(object, finding));
    this.#byObject.set(id, problems);
  }

  /** Sorted by file and line. */
  sorted(): Problem[] {
    return sortProblems([...this.#byObject.values()].flat());
  }
}

export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(compareProblems);
}

/** Of two that are written at one place and say the same, the object decides: no order is left to chance. */
export function compareProblems(left: Problem, right: Problem): number {
  return (
    compareText(left.where.file, right.where.file) ||
    left.where.line - right.where.line ||
    compareText(left.path, right.path) ||
    compareText(left.code, right.code) ||
    compareText(left.message, right.message) ||
    compareText(left.advice, right.advice) ||
    compareText(nameOf(left), nameOf(right))
  );
}

function nameOf({ object }: Problem): string {
  return object === undefined ? '' : `${object.kind}/${object.namespace}/${object.name}`;
}
