/**
 * The objects of one kind, as they are in force.
 *
 *   changes ──apply──▶ objects, problems        an object of which nothing changed that is read stays the very same value
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import { inForceAfter, stillInForce } from '../../model/last-good.ts';
import type { Problem } from '../../model/problem.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { Change } from './answer.ts';
import type { ClusterItem } from './cluster-item.ts';

interface Held {
  readonly resourceVersion: string;
  /** Absent where the object is none of ours, or nobody can say which it is. */
  readonly object?: SourcedObject;
  readonly problems: readonly Problem[];
}

export class KindStore {
  /** By key; of at most `objectsMax` entries, which the list and watch sees to. */
  #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  versionOf(key: string): string | undefined {
    return this.#held.get(key)?.resourceVersion;
  }

  /** @returns whether anything is in force, or wrong, that was not before, or the other way round. */
  apply(change: Change<ClusterItem>): boolean {
    switch (change.kind) {
      case 'put': {
        const { key } = change.item;
        const before = this.#held.get(key);
        const held = heldAfter(before, change.item);
        this.#held.set(key, held);
        return !isSame(before, held);
      }
      case 'remove': {
        const before = this.#held.get(change.key);
        this.#held.delete(change.key);
        return !isSame(before, undefined);
      }
      case 'replace':
        return this.#replace(change.items);
    }
  }

  objects(): SourcedObject[] {
    return [...this.#held.values()].flatMap(({ object }) => object ?? []);
  }

  problems(): Problem[] {
    return [...this.#held.values()].flatMap(({ problems }) => problems);
  }

  #replace(items: readonly ClusterItem[]): boolean {
    const before = this.#held;
    this.#held = new Map(items.map((item) => [item.key, heldAfter(before.get(item.key), item)]));
    return [...new Set([...before.keys(), ...this.#held.keys()])].some(
      (key) => !isSame(before.get(key), this.#held.get(key)),
    );
  }
}

function heldAfter(before: Held | undefined, { resourceVersion, read }: ClusterItem): Held {
  // Routes of other gateways are everyday life in a cluster, and no author of ours could do anything about them.
  if (read.kind === 'foreign') return { resourceVersion, problems: [] };
  if (read.kind === 'unidentified') return { resourceVersion, problems: read.problems };
  const former = before?.object;
  const object = inForceAfter(former, read.object);
  if (former?.hash === object.hash && former.kind === object.kind) {
    const isKept = read.object.kind === 'broken' && object === former && former.kind === 'valid';
    const subject = isKept ? `${object.ref.kind} \`${object.ref.name}\`` : undefined;
    return {
      resourceVersion,
      object: former,
      problems: read.problems.map((problem) => stillInForce(problem, subject)),
    };
  }
  return { resourceVersion, object, problems: read.problems };
}

function isSame(before: Held | undefined, after: Held | undefined): boolean {
  return before?.object === after?.object && wrongIn(before) === wrongIn(after);
}

function wrongIn(held: Held | undefined): string {
  return held === undefined || held.problems.length === 0 ? '' : canonicalJson(held.problems);
}
