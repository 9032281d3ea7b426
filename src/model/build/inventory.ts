/**
 * The objects by kind, each once, in an order of their own: whatever is built from them cannot depend on who came first.
 *
 * Two objects of one kind, namespace and name contradict each other and nobody can say which was meant, so neither is
 * in force; of a policy that means its scope is denied, because either of the two might have refused something.
 */
import { canonicalJson, compareText } from '../canonical-json.ts';
import type { Kind } from '../kinds/catalogue.ts';
import type { ProblemList } from '../problem-list.ts';
import { formatSourceRef } from '../source-ref.ts';
import {
  type BrokenObject,
  brokenObject,
  isOfKind,
  policySelector,
  type SourcedObject,
  type ValidObject,
} from '../sourced-object.ts';

export interface Inventory {
  /** Sorted by namespace and name. */
  of<K extends Kind>(kind: K): readonly ValidObject<K>[];
  readonly brokenPolicies: readonly BrokenObject[];
}

export function takeInventory(objects: readonly SourcedObject[], problems: ProblemList): Inventory {
  const byId = Map.groupBy(objects, ({ id }) => id);
  const inForce: SourcedObject[] = [];
  for (const [, same] of [...byId].sort(([left], [right]) => compareText(left, right))) {
    const [only] = same;
    if (same.length > 1) inForce.push(...contradiction(same, problems));
    else if (only !== undefined) inForce.push(only);
  }
  const byKind = Map.groupBy(inForce, ({ ref }) => ref.kind);
  return {
    of: (kind) => (byKind.get(kind) ?? []).filter((object) => isOfKind(object, kind)),
    brokenPolicies: (byKind.get('AccessPolicy') ?? []).filter((object) => object.kind === 'broken'),
  };
}

function contradiction(same: readonly SourcedObject[], problems: ProblemList): BrokenObject[] {
  const places = same.map(({ where }) => formatSourceRef(where)).sort(compareText);
  const isPolicy = same.some(({ ref }) => ref.kind === 'AccessPolicy');
  for (const object of same) {
    problems.error(object, {
      code: 'duplicate-object',
      path: 'metadata.name',
      message: `${object.ref.kind} \`${object.ref.name}\` is written at ${places.join(' and ')}: ${isPolicy ? 'what any of them selects is denied' : 'none of them is in force'}`,
      advice: 'keep one of them, or give the others names of their own',
    });
  }
  const [first] = [...same].sort((left, right) =>
    compareText(formatSourceRef(left.where), formatSourceRef(right.where)),
  );
  if (!isPolicy || first === undefined) return [];
  const [selector, ...others] = new Set(same.map((object) => canonicalJson(policySelector(object) ?? {})));
  return [brokenObject(first, others.length === 0 && selector !== undefined ? policySelector(first) : undefined)];
}
