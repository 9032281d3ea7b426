/**
 * One part of the build, namespace by namespace: each again only when something that it reads is another value.
 *
 *   each(places, plan) ──what a namespace reads is the very same──▶ what it came to before     otherwise ──▶ make()
 *
 * Whoever plans a part names all that it reads, so a namespace is dirty part by part, and nobody keeps a list of what
 * depends on what.
 */
import { keepUnchanged } from '../keep-unchanged.ts';
import { Last } from '../last.ts';
import type { Problem } from '../problem.ts';
import { ProblemList } from '../problem-list.ts';

export interface Plan<Value> {
  /** All that `make` reads. */
  readonly reads: readonly unknown[];
  /** @param former what it came to before, of other inputs. */
  make(problems: ProblemList, former: Value | undefined): Value;
}

/** What one part came to. */
export class Built<Value> {
  readonly #gathered: ReadonlyMap<string, Gathered<Value>>;

  constructor(gathered: ReadonlyMap<string, Gathered<Value>>) {
    this.#gathered = gathered;
  }

  of(namespace: string): Value | undefined {
    return this.#gathered.get(namespace)?.value;
  }

  /** In the order of the namespaces. */
  values(): readonly Value[] {
    return [...this.#gathered.values()].map(({ value }) => value);
  }

  entries(): readonly (readonly [namespace: string, value: Value])[] {
    return [...this.#gathered].map(([namespace, { value }]) => [namespace, value]);
  }

  /** A list for each namespace. */
  problems(): readonly (readonly Problem[])[] {
    return [...this.#gathered.values()].map(({ problems }) => problems);
  }
}

/** With what its authors are told. */
interface Gathered<Value> {
  readonly value: Value;
  readonly problems: readonly Problem[];
}

export class Part<Value> {
  readonly #built: (namespace: string) => void;
  readonly #keep: (former: Value | undefined, next: Value) => Value;
  #lasts: ReadonlyMap<string, Last<Gathered<Value>>> = new Map();

  /**
   * @param built told of each namespace that is built again.
   * @param keep takes from the former value what is equal in the next. By default all is compared; what holds source
   * objects must not be, for those are taken as they are or not at all.
   */
  constructor(
    built: (namespace: string) => void,
    keep: (former: Value | undefined, next: Value) => Value = keepUnchanged,
  ) {
    this.#built = built;
    this.#keep = keep;
  }

  /**
   * @param places namespaces, each with what the plan is made of; what is not among them any more is forgotten.
   * @param plan nothing where the namespace has nothing of this part.
   */
  each<Place extends { readonly namespace: string }>(
    places: readonly Place[],
    plan: (place: Place) => Plan<Value> | undefined,
  ): Built<Value> {
    const lasts = new Map<string, Last<Gathered<Value>>>();
    const gathered = new Map<string, Gathered<Value>>();
    for (const place of places) {
      const planned = plan(place);
      if (planned === undefined) continue;
      const { namespace } = place;
      const last = this.#lasts.get(namespace) ?? this.#lastOf(namespace);
      lasts.set(namespace, last);
      gathered.set(
        namespace,
        last.of(planned.reads, (former) => {
          const problems = new ProblemList();
          const value = planned.make(problems, former?.value);
          return { value, problems: problems.sorted() };
        }),
      );
    }
    this.#lasts = lasts;
    return new Built(gathered);
  }

  #lastOf(namespace: string): Last<Gathered<Value>> {
    return new Last<Gathered<Value>>(
      () => this.#built(namespace),
      (former, next) => {
        const value = this.#keep(former?.value, next.value);
        const problems = keepUnchanged(former?.problems, next.problems);
        const isSame = former !== undefined && former.value === value && former.problems === problems;
        return isSame ? former : { value, problems };
      },
    );
  }
}
