/**
 * The wishes for all objects, made anew only where what they are made of is another: what is equal is the very same value,
 * so that nobody need compare five thousand of them to find the one that moved.
 */
import { isSameList } from '../../model/keep-unchanged.ts';
import type { ObjectRef, Problem } from '../../model/problem.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import { sumOf, type Tally } from './acknowledgements.ts';
import { type DrillProgress, drillFields } from './drill-fields.ts';
import { concernsProxies, hasStatus, type Wish, wishFor } from './wish.ts';

export interface Findings {
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly Problem[];
  /** By id, of each replica. The first is our own: what it has not counted has not been published. */
  readonly tallies: readonly ReadonlyMap<string, Tally>[];
  /** By `namespace/name`. */
  readonly drills: ReadonlyMap<string, DrillProgress>;
}

interface Written {
  readonly wish: Wish;
  readonly counts: string;
  readonly progress: string;
}

export class WishBook {
  #written: ReadonlyMap<string, Written> = new Map();
  #of: Findings | undefined;
  #wishes: ReadonlyMap<string, Wish> = new Map();

  /** @returns by id; of kinds that have a status of ours. The very same map where nothing is found that was not before. */
  wishes(findings: Findings): ReadonlyMap<string, Wish> {
    if (this.#of === undefined || !isSameFound(this.#of, findings)) this.#wishes = this.#wish(findings);
    this.#of = findings;
    return this.#wishes;
  }

  #wish({ objects, problems, tallies, drills }: Findings): ReadonlyMap<string, Wish> {
    const byObject = Map.groupBy(problems, ({ object }) => (object === undefined ? '' : idOf(object)));
    const written = new Map<string, Written>();
    for (const object of objects) {
      const { ref, id, hash } = object;
      if (!hasStatus(ref)) continue;
      const before = this.#written.get(id);
      const wrong = byObject.get(id) ?? none;
      const [own, ...others] = tallies.map((each) => each.get(id));
      const isPublished = own?.hash === hash || !concernsProxies(ref);
      const counted = [own, ...others].filter((tally) => tally !== undefined);
      const acknowledged = isPublished ? sumOf(hash, counted) : undefined;
      const progress = ref.kind === 'Drill' ? drills.get(`${ref.namespace}/${ref.name}`) : undefined;
      const [counts, told] = [JSON.stringify(acknowledged), JSON.stringify(progress)];
      const isSame = before?.counts === counts && before.progress === told && before.wish.object === object;
      if (isSame && isSameList(before.wish.problems, wrong)) written.set(id, before);
      else {
        const drill = progress === undefined ? {} : { drill: drillFields(progress) };
        const wish = wishFor({ object, problems: wrong, acknowledged, ...drill });
        written.set(id, { wish, counts, progress: told });
      }
    }
    this.#written = written;
    return new Map([...written].map(([id, { wish }]) => [id, wish]));
  }
}

const none: readonly Problem[] = [];

function isSameFound(before: Findings, { objects, problems, tallies, drills }: Findings): boolean {
  return (
    before.objects === objects &&
    isSameList(before.problems, problems) &&
    before.tallies.length === tallies.length &&
    before.tallies.every((each, index) => isSameMap(each, tallies[index])) &&
    JSON.stringify([...before.drills]) === JSON.stringify([...drills])
  );
}

function isSameMap(some: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown> = new Map()): boolean {
  if (some === others) return true;
  return some.size === others.size && [...some].every(([key, value]) => others.get(key) === value);
}

function idOf({ kind, namespace, name }: ObjectRef): string {
  return `${kind}/${namespace}/${name}`;
}
