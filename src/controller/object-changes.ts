/** Which source objects came, changed or went between two looks, by their content: what moved in a file did not change. */
import { compareText } from '../model/canonical-json.ts';
import { formatSourceRef } from '../model/source-ref.ts';
import type { SourcedObject } from '../model/sourced-object.ts';

interface Seen {
  /** Hashes of all objects of one id; two of one id are a problem, and still there. */
  readonly content: string;
  readonly text: string;
}

export class ObjectChanges {
  #from: readonly SourcedObject[] | undefined;
  #seen: ReadonlyMap<string, Seen> = new Map();

  /** @returns as `changed Kind namespace/name (file:line)`, sorted by kind and name; nothing at the first look, which has no former one. */
  next(objects: readonly SourcedObject[]): readonly string[] {
    if (objects === this.#from) return [];
    const before = this.#from === undefined ? undefined : this.#seen;
    this.#from = objects;
    this.#seen = new Map([...Map.groupBy(objects, ({ id }) => id)].map(([id, same]) => [id, seenAs(same)]));
    if (before === undefined) return [];
    const ids = new Set([...before.keys(), ...this.#seen.keys()]);
    return [...ids].sort(compareText).flatMap((id) => change(before.get(id), this.#seen.get(id)));
  }
}

function seenAs(same: readonly SourcedObject[]): Seen {
  const content = same.map(({ hash }) => hash).sort();
  return { content: content.join(), text: same.slice(0, 1).map(textOf).join() };
}

function textOf({ ref: { kind, namespace, name }, where }: SourcedObject): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`} (${formatSourceRef(where)})`;
}

function change(before: Seen | undefined, after: Seen | undefined): readonly string[] {
  if (after === undefined) return [`went ${before?.text}`];
  if (before === undefined) return [`came ${after.text}`];
  return before.content === after.content ? [] : [`changed ${after.text}`];
}
