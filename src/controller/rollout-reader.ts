/**
 * Reads the changes of one event for many proxies: the same change is read once, however many proxies it is told to.
 *
 *   proxy's key, before, after ──the key left out──▶ the change as such ──read once──▶ may it wait? of which shape?
 *
 * What a proxy is told of its own ports names its workload, so that no two proxies are told the same bytes, and to decode
 * those of a whole mesh takes seconds. The bytes around the places where the key stands, and its length, say all the
 * rest: changes that agree in them are one change, each with a name of its own, and what is said of one holds for all.
 * What was made of a form says by itself which changes agree (named-form.ts), and is not even looked through.
 * It remembers for as long as it lives, which is one event.
 */
import type { Resource } from '../xds/resource.ts';
import type { ResourceChange } from './listing-changes.ts';
import { isInbound, mayWait, shapeOf } from './may-wait.ts';
import { formNameOf } from './named-form.ts';

/** What may be asked about the changes of one proxy: see may-wait.ts. */
export interface ChangeReader {
  mayWait(change: ResourceChange): boolean;
  shapeOf(after: Resource): string;
}

export class RolloutReader {
  readonly #patient = new Map<string, boolean>();
  readonly #shapes = new Map<string, string>();
  readonly #counted: () => void;

  /** @param counted told of each time that bytes were read. */
  constructor(counted: () => void) {
    this.#counted = counted;
  }

  /** @param proxy its key: what it is called wherever it is told of itself. */
  of(proxy: string): ChangeReader {
    return {
      mayWait: ({ before, after }) => {
        if (before === undefined || !isInbound(after)) return mayWait(before, after);
        const text = `${textOf(before, proxy)}\n${textOf(after, proxy)}`;
        return this.#once(this.#patient, text, () => mayWait(before, after));
      },
      shapeOf: (after) => {
        if (!isInbound(after)) return shapeOf(after);
        return this.#once(this.#shapes, textOf(after, proxy), () => shapeOf(after));
      },
    };
  }

  #once<T>(known: Map<string, T>, text: string, read: () => T): T {
    const before = known.get(text);
    if (before !== undefined) return before;
    this.#counted();
    const made = read();
    known.set(text, made);
    return made;
  }
}

/** Of a form that is the name of the form, and otherwise: name, how long the key is, where it stands, how many bytes there are without it, and these. */
function textOf(resource: Resource, proxy: string): string {
  const form = formNameOf(resource);
  if (form !== undefined) return `form ${form}`;
  const { any, name } = resource;
  const bytes = Buffer.from(any.buffer, any.byteOffset, any.byteLength).toString('latin1');
  const places: number[] = [];
  let others = '';
  let from = 0;
  for (let at = bytes.indexOf(proxy); at !== -1; at = bytes.indexOf(proxy, from)) {
    places.push(at);
    others += bytes.slice(from, at);
    from = at + proxy.length;
  }
  others += bytes.slice(from);
  return `${name} ${proxy.length} ${places} ${others.length} ${others}`;
}
