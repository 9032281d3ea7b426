/**
 * The objects of one namespace by kind, each once, in an order of their own: whatever is built from them cannot depend on
 * who came first.
 *
 * Two objects of one kind, namespace and name contradict each other and nobody can say which was meant, so neither is
 * in force; of a policy that means its scope is denied, because either of the two might have refused something.
 */
import { compareText, contentHash } from '../canonical-json.ts';
import type { Kind } from '../kinds/catalogue.ts';
import type { Problem } from '../problem.ts';
import { ProblemList } from '../problem-list.ts';
import { formatSourceRef } from '../source-ref.ts';
import {
  type BrokenObject,
  brokenObject,
  isOfKind,
  type SourcedObject,
  scopeAround,
  type ValidObject,
} from '../sourced-object.ts';

export interface Inventory {
  /** Sorted by namespace and name; the very same list while no object of the kind came, went or changed. */
  of<K extends Kind>(kind: K): readonly ValidObject<K>[];
  readonly brokenPolicies: readonly BrokenObject[];
  readonly brokenPods: readonly BrokenObject[];
}

/** All objects of one kind in one namespace. */
export interface Shelf {
  readonly kind: string;
  readonly inForce: readonly ValidObject[];
  readonly broken: readonly BrokenObject[];
  readonly problems: readonly Problem[];
  /** Of the objects as they were written, contradictions and broken ones among them. */
  readonly hash: string;
}

/** @param byId all objects of the kind and namespace. */
export function takeShelf(kind: string, byId: ReadonlyMap<string, readonly SourcedObject[]>): Shelf {
  const problems = new ProblemList();
  const inForce: SourcedObject[] = [];
  const hashes: string[] = [];
  for (const id of [...byId.keys()].sort()) {
    const same = byId.get(id) ?? [];
    const [only] = same;
    if (same.length === 1 && only !== undefined) {
      hashes.push(only.hash);
      inForce.push(only);
    } else {
      hashes.push(...same.map(({ hash }) => hash).sort());
      inForce.push(...contradiction(same, problems));
    }
  }
  return {
    kind,
    inForce: inForce.filter((object) => object.kind === 'valid'),
    broken: inForce.filter((object) => object.kind === 'broken'),
    problems: problems.sorted(),
    hash: contentHash(hashes.join('\n')),
  };
}

export function inventoryOf(shelves: readonly Shelf[]): Inventory {
  const lists = new Map(shelves.map(({ kind, inForce }) => [kind, inForce]));
  const brokenOf = (kind: Kind) => shelves.find((shelf) => shelf.kind === kind)?.broken ?? none;
  return {
    of: (kind) => {
      const list = lists.get(kind) ?? none;
      return isAllOf(list, kind) ? list : none;
    },
    brokenPolicies: brokenOf('AccessPolicy'),
    brokenPods: brokenOf('Pod'),
  };
}

const none: readonly never[] = [];

/** A shelf holds one kind, so the first speaks for all. */
function isAllOf<K extends Kind>(list: readonly SourcedObject[], kind: K): list is readonly ValidObject<K>[] {
  const [first] = list;
  return first !== undefined && isOfKind(first, kind);
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
  return [brokenObject(first, scopeAround(same))];
}
