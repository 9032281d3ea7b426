/** Which problems came and which went since the last look, each once; two looks at the same mesh say nothing. */
import { formatProblem } from '../model/format-problem.ts';
import type { Problem } from '../model/problem.ts';
import { systemNamespace } from '../model/system-namespace.ts';

export interface ProblemChange {
  readonly what: 'appeared' | 'solved';
  readonly tenant: string;
  readonly code: string;
  readonly text: string;
}

export class ProblemChanges {
  #known: ReadonlyMap<string, Problem> = new Map();

  /** What is solved comes first: mostly it made way for what appeared. */
  next(problems: readonly Problem[]): readonly ProblemChange[] {
    const current = new Map(problems.map((problem) => [formatProblem(problem), problem]));
    const solved = [...this.#known].filter(([text]) => !current.has(text));
    const appeared = [...current].filter(([text]) => !this.#known.has(text));
    this.#known = current;
    return [...solved.map(changeAs('solved')), ...appeared.map(changeAs('appeared'))];
  }
}

function changeAs(what: ProblemChange['what']) {
  return ([text, problem]: [string, Problem]): ProblemChange => ({
    ...{ what, tenant: ownerOf(problem), code: problem.code, text },
  });
}

/** A problem without an owner may quote anybody, and is for those who see everything. */
function ownerOf({ object }: Problem): string {
  const owner = object?.kind === 'Tenant' ? object.name : object?.namespace;
  return owner === undefined || owner === '' ? systemNamespace : owner;
}
