/**
 * The status of an `HTTPRoute`: one entry for each parent that is ours, and those of other controllers untouched.
 *
 *   parentRefs of kind Service + problems ──▶ Accepted, ResolvedRefs by parent        reasons are Gateway API's own words
 *
 * A problem of one parent (`spec.parentRefs[1]`) is said of that parent; any other is said of all. Gateway API names no
 * reason for what our own policy adds, so what a condition cannot say stands in its message.
 * Source: Gateway API, `RouteStatus`, `RouteParentStatus`, `RouteConditionReason`; GAMMA, "Route presence".
 */
import type { Problem, RouteCondition } from '../../model/problem.ts';
import { isRecord } from '../../model/prune.ts';
import { isServiceParent } from '../../model/route-rules.ts';
import { condition, type WishedCondition, withConditions } from './condition.ts';

/** Under this name entries are ours. */
export const controllerName = 'coffre.dev/mesh';
/** Most parents that one status takes. Source: Gateway API, `RouteStatus.parents`. */
const parentsMax = 32;

/** Fields of a `ParentReference`, in the order of their documentation. */
const parentFields = ['group', 'kind', 'namespace', 'name', 'sectionName', 'port'] as const;

export interface RouteNow {
  readonly parentRefs: unknown;
  /** `status.parents` as they stand. */
  readonly parents: unknown;
  readonly generation: number;
}

/** @returns `status.parents` as they should be. */
export function routeParents(
  { parentRefs, parents, generation }: RouteNow,
  problems: readonly Problem[],
  now: string,
): readonly unknown[] {
  const standing = Array.isArray(parents) ? parents.filter(isRecord) : [];
  const isOurs = (entry: Record<string, unknown>) => entry['controllerName'] === controllerName;
  const refs = Array.isArray(parentRefs) ? parentRefs : [];
  const told = refs.flatMap((ref: unknown, index) => {
    if (!isRecord(ref) || !isServiceParent(ref)) return [];
    const parentRef = Object.fromEntries(
      parentFields.flatMap((name) => (ref[name] === undefined ? [] : [[name, ref[name]]])),
    );
    const former = standing.find((entry) => isOurs(entry) && isOfParent(entry, parentRef));
    const conditions = withConditions(former?.['conditions'], conditionsOf(index, problems), generation, now);
    return [{ former, entry: { parentRef, controllerName, conditions } }];
  });
  // Each in its place: two controllers that sorted the list would write for ever.
  const kept = standing.flatMap((entry) =>
    isOurs(entry) ? told.flatMap((each) => (each.former === entry ? [each.entry] : [])) : [entry],
  );
  const added = told.flatMap(({ former, entry }) => (former === undefined ? [entry] : []));
  return [...kept, ...added].slice(0, parentsMax);
}

function conditionsOf(index: number, problems: readonly Problem[]): readonly WishedCondition[] {
  const here = problems.filter(({ path }) => {
    const parent = /^spec[.]parentRefs\[(\d+)\]/.exec(path)?.[1];
    return parent === undefined || Number(parent) === index;
  });
  return [
    told(here, 'Accepted', 'Accepted', 'the route is attached'),
    told(here, 'ResolvedRefs', 'ResolvedRefs', 'every backend is there and open'),
  ];
}

/** The first problem gives the reason. What is only a warning speaks against nothing, and is said all the same. */
function told(
  problems: readonly Problem[],
  type: RouteCondition['type'],
  fineReason: string,
  fine: string,
): WishedCondition {
  const against = problems.filter((problem) => problem.condition?.type === type);
  const [first] = against;
  if (first?.condition !== undefined) return condition(type, 'False', first.condition.reason, linesOf(against));
  const beside = problems.filter((problem) => problem.condition === undefined && aspectOf(problem) === type);
  return condition(type, 'True', fineReason, beside.length === 0 ? fine : linesOf(beside));
}

function aspectOf({ code }: Problem): RouteCondition['type'] {
  return code === 'backend-unresolved' ? 'ResolvedRefs' : 'Accepted';
}

function linesOf(problems: readonly Problem[]): string {
  return problems.map(({ path, message, advice }) => `${path}: ${message}; ${advice}`).join('\n');
}

function isOfParent({ parentRef }: Record<string, unknown>, wanted: Record<string, unknown>): boolean {
  return isRecord(parentRef) && parentFields.every((name) => parentRef[name] === wanted[name]);
}
