/**
 * What stays in force of an object whose newest edit is broken: the same whether a folder said it or a cluster.
 *
 *   Grant          nothing: it opens, so one that is in doubt is withdrawn; a ReferenceGrant likewise
 *   AccessPolicy   it denies its scope, old and new
 *   any other      its last good state, or the ground would go from under what is valid
 */
import { canonicalJson } from './canonical-json.ts';
import type { Problem } from './problem.ts';
import { type BrokenObject, brokenObject, type SourcedObject, scopeAround } from './sourced-object.ts';

const opens: ReadonlySet<string> = new Set(['Grant', 'ReferenceGrant']);

/** @param former what was in force of it until now. @returns the very same `former` where that stays. */
export function inForceAfter(former: SourcedObject | undefined, object: SourcedObject): SourcedObject {
  if (object.kind === 'valid' || former === undefined) return object;
  if (object.ref.kind === 'AccessPolicy') return widened(object, former);
  return opens.has(object.ref.kind) || former.kind === 'broken' ? object : former;
}

/** @param subject whose last good state holds, as a person would call it; undefined where there is none. */
export function stillInForce(problem: Problem, subject: string | undefined): Problem {
  if (subject === undefined) return problem;
  return { ...problem, advice: `${problem.advice}; until then the last good state of ${subject} stays in force` };
}

/**
 * A broken edit that also moved the selector would leave what it protected before unprotected: it denies the tenant. Nor
 * does one put under audit what was enforced.
 */
function widened(object: BrokenObject, before: SourcedObject): BrokenObject {
  const scope = scopeAround([object, before]);
  return canonicalJson(scope) === canonicalJson(object.scope) ? object : brokenObject(object, scope);
}
