/**
 * One part of the build, namespace by namespace: each again only when something that it reads is another value.
 *
 *   each(places, watch, plan) ──nothing watched moved──▶ what all came to before
 *                             ──what a namespace reads is the very same──▶ what it came to before     otherwise ──▶ make()
 *
 * Whoever plans a part names all that it reads, so a namespace is dirty part by part, and nobody keeps a list of what
 * depends on what. What is watched says no more than where to look: of a hundred namespaces at the one that moved.
 */
import { isSameList, keepUnchanged } from '../keep-unchanged.ts';
import { Last } from '../last.ts';
import type { Problem } from '../problem.ts';
import { ProblemList } from '../problem-list.ts';

export interface Plan<Value> {
  /** All that `make` reads. */
  readonly reads: readonly unknown[];
  /** @param former what it came to before, of other inputs. */
  make(problems: ProblemList, former: Value | undefined): Value;
}

/** What is kept by namespace, and where it is another than one version before. */
export interface Versioned {
  readonly version: number;
  readonly moved: ReadonlySet<string>;
}

/** What the plans of a part are made of. */
export interface Watch {
  /** Where one of these is another value, every namespace is planned. */
  readonly whole: readonly unknown[];
  /** Where one of these moved in a namespace, that namespace is; a place that came or went has moved in one of them. */
  readonly own: readonly Versioned[];
}

/** What one part came to. */
export class Built<Value> implements Versioned {
  readonly version: number;
  readonly moved: ReadonlySet<string>;
  readonly #gathered: ReadonlyMap<string, Gathered<Value>>;
  #values: readonly Value[] | undefined;
  #problems: readonly (readonly Problem[])[] | undefined;

  constructor(gathered: ReadonlyMap<string, Gathered<Value>>, version: number, moved: ReadonlySet<string>) {
    this.#gathered = gathered;
    this.version = version;
    this.moved = moved;
  }

  of(namespace: string): Value | undefined {
    return this.#gathered.get(namespace)?.value;
  }

  /** In the order of the namespaces. */
  values(): readonly Value[] {
    this.#values ??= Array.from(this.#gathered.values(), ({ value }) => value);
    return this.#values;
  }

  entries(): readonly (readonly [namespace: string, value: Value])[] {
    return Array.from(this.#gathered, ([namespace, { value }]) => [namespace, value]);
  }

  /** A list for each namespace that has some. */
  problems(): readonly (readonly Problem[])[] {
    this.#problems ??= Array.from(this.#gathered.values(), ({ problems }) => problems).filter(
      ({ length }) => length > 0,
    );
    return this.#problems;
  }

  /** @returns this very value where nothing is another. */
  next(gathered: ReadonlyMap<string, Gathered<Value>>): Built<Value> {
    const moved = new Set<string>();
    for (const [namespace, each] of gathered) if (this.#gathered.get(namespace) !== each) moved.add(namespace);
    for (const namespace of this.#gathered.keys()) if (!gathered.has(namespace)) moved.add(namespace);
    return moved.size === 0 ? this : new Built(gathered, this.version + 1, moved);
  }

  /** The same with these in the place of their former ones; undefined where one had none, and its place among the others is to be found. */
  replaced(come: ReadonlyMap<string, Gathered<Value> | undefined>): Built<Value> | undefined {
    let gathered: Map<string, Gathered<Value>> | undefined;
    const moved = new Set<string>();
    for (const [namespace, each] of come) {
      const before = this.#gathered.get(namespace);
      if (before === each) continue;
      if (before === undefined) return undefined;
      gathered ??= new Map(this.#gathered);
      moved.add(namespace);
      if (each === undefined) gathered.delete(namespace);
      else gathered.set(namespace, each);
    }
    return gathered === undefined ? this : new Built(gathered, this.version + 1, moved);
  }
}

/** With what its authors are told. */
interface Gathered<Value> {
  readonly value: Value;
  readonly problems: readonly Problem[];
}

interface Seen {
  readonly whole: readonly unknown[];
  readonly versions: readonly number[];
}

export class Part<Value> {
  readonly #counted: (namespace: string) => void;
  readonly #keep: (former: Value | undefined, next: Value) => Value;
  readonly #lasts = new Map<string, Last<Gathered<Value>>>();
  #built = new Built<Value>(new Map(), 0, new Set());
  #seen: Seen | undefined;

  /**
   * @param counted told of each namespace that is built again.
   * @param keep takes from the former value what is equal in the next. By default all is compared; what holds source
   * objects must not be, for those are taken as they are or not at all.
   */
  constructor(
    counted: (namespace: string) => void,
    keep: (former: Value | undefined, next: Value) => Value = keepUnchanged,
  ) {
    this.#counted = counted;
    this.#keep = keep;
  }

  /**
   * @param places namespaces, each with what the plan is made of; what is not among them any more is forgotten.
   * @param watch absent where each place is to be planned at every look.
   * @param plan nothing where the namespace has nothing of this part.
   * @returns the very same value where no namespace has another.
   */
  each<Place extends { readonly namespace: string }>(
    places: readonly Place[],
    watch: Watch | undefined,
    plan: (place: Place) => Plan<Value> | undefined,
  ): Built<Value> {
    const moved = watch && this.#movedSince(watch);
    const replaced = moved && this.#replaced(moved, places, plan);
    this.#built = replaced ?? this.#built.next(this.#gather(places, plan));
    this.#seen = watch && { whole: watch.whole, versions: watch.own.map(({ version }) => version) };
    return this.#built;
  }

  /** Where something that is watched moved; undefined where anything might have. */
  #movedSince({ whole, own }: Watch): ReadonlySet<string> | undefined {
    const seen = this.#seen;
    if (seen === undefined || !isSameList(seen.whole, whole)) return undefined;
    const moved = new Set<string>();
    for (const [index, each] of own.entries()) {
      const version = seen.versions[index];
      if (each.version === version) continue;
      if (version === undefined || each.version !== version + 1) return undefined;
      for (const namespace of each.moved) moved.add(namespace);
    }
    return moved;
  }

  #replaced<Place extends { readonly namespace: string }>(
    moved: ReadonlySet<string>,
    places: readonly Place[],
    plan: (place: Place) => Plan<Value> | undefined,
  ): Built<Value> | undefined {
    if (moved.size === 0) return this.#built;
    const come = new Map<string, Gathered<Value> | undefined>();
    for (const namespace of moved) come.set(namespace, undefined);
    for (const place of places)
      if (moved.has(place.namespace)) come.set(place.namespace, this.#gatheredAt(place, plan));
    for (const [namespace, each] of come) if (each === undefined) this.#lasts.delete(namespace);
    return this.#built.replaced(come);
  }

  #gather<Place extends { readonly namespace: string }>(
    places: readonly Place[],
    plan: (place: Place) => Plan<Value> | undefined,
  ): ReadonlyMap<string, Gathered<Value>> {
    const gathered = new Map<string, Gathered<Value>>();
    for (const place of places) {
      const each = this.#gatheredAt(place, plan);
      if (each !== undefined) gathered.set(place.namespace, each);
    }
    for (const namespace of this.#lasts.keys()) if (!gathered.has(namespace)) this.#lasts.delete(namespace);
    return gathered;
  }

  #gatheredAt<Place extends { readonly namespace: string }>(
    place: Place,
    plan: (place: Place) => Plan<Value> | undefined,
  ): Gathered<Value> | undefined {
    const planned = plan(place);
    if (planned === undefined) return undefined;
    const { namespace } = place;
    const last = this.#lasts.get(namespace) ?? this.#lastOf(namespace);
    this.#lasts.set(namespace, last);
    return last.of(planned.reads, (former) => {
      const problems = new ProblemList();
      const value = planned.make(problems, former?.value);
      return { value, problems: problems.sorted() };
    });
  }

  #lastOf(namespace: string): Last<Gathered<Value>> {
    return new Last<Gathered<Value>>(
      () => this.#counted(namespace),
      (former, next) => {
        const value = this.#keep(former?.value, next.value);
        const problems = keepUnchanged(former?.problems, next.problems);
        const isSame = former !== undefined && former.value === value && former.problems === problems;
        return isSame ? former : { value, problems };
      },
    );
  }
}
