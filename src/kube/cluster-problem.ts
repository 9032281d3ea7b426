/** A finding about an object of a cluster, as everybody reads it: no file holds it, so its kind and name say where it is. */
import type { ObjectRef, Problem } from '../model/problem.ts';
import { type Finding, problemOf } from '../model/sourced-object.ts';

/** @param ref of what lives in no namespace the namespace is empty, and the name of what has none yet. */
export function clusterProblem(ref: ObjectRef, finding: Finding): Problem {
  const file = [ref.kind, ref.namespace, ref.name].filter((part) => part !== '').join('/');
  return problemOf({ ref, where: { file, line: 1 }, lines: new Map() }, finding);
}
