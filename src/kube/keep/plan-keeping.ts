/**
 * What is to be done so that a cluster holds what is wanted: pure.
 *
 *   wanted × found × settled ──planKeeping──▶ create | replace | remove, in the order of keys
 *
 * An API server completes what it is given, so what is wanted and what is there are never compared word for word: once it
 * has taken an object, what it made of it is `settled`, and anything else is drift. On a first meeting the object is
 * written again: where that changes nothing, all was well, and where it changes what a stranger wrote, that was drift.
 * Only what bears our labels is removed, whatever its name is, and only the very version that was seen is replaced.
 */
import { canonicalJson, compareText, contentHash } from '../../model/canonical-json.ts';
import { isNewer } from '../inform/revision.ts';
import type { KubeObject } from '../objects.ts';
import type { FoundObject } from './found-object.ts';

export type Step =
  /** `isLost`: it was there once, and nobody here removed it. */
  | { readonly kind: 'create'; readonly key: string; readonly object: KubeObject; readonly isLost: boolean }
  /** `isDrift`: it was changed by somebody else. */
  | {
      readonly kind: 'replace';
      readonly key: string;
      readonly object: KubeObject;
      readonly found: FoundObject;
      readonly isDrift: boolean;
    }
  | { readonly kind: 'remove'; readonly key: string; readonly found: FoundObject };

/** What came of the last write of one object. */
export interface Settled {
  /** Hash of what was wanted. */
  readonly wanted: string;
  /** Hash of what the API server made of it. */
  readonly found: string;
  readonly resourceVersion: string;
  readonly atMs: number;
}

export interface Keeping {
  /** By key. */
  readonly wanted: ReadonlyMap<string, KubeObject>;
  readonly found: ReadonlyMap<string, FoundObject>;
  readonly settled: ReadonlyMap<string, Settled>;
  /** Up to which `found` is known; see `Follower.revision`. */
  readonly revision: string | undefined;
  /** Whether `found` cannot be read at the moment, so that nobody knows how late it is. */
  readonly isTroubled: boolean;
  readonly nowMs: number;
}

/** Longest that our own write may take to be seen again, in ms; then the cluster is another than it was, as after a restore. */
const lagMaxMs = 60_000;

export function planKeeping(keeping: Keeping): readonly Step[] {
  const { wanted, found, settled } = keeping;
  const written = [...wanted].flatMap(([key, object]): readonly Step[] => {
    const there = found.get(key);
    const last = settled.get(key);
    const isBehind = last !== undefined && isUnseen(last, keeping);
    // What was written is not seen yet: what is seen is older, and nobody's doing.
    if (isBehind && last.wanted === hashOf(object)) return [];
    if (there === undefined) return [{ kind: 'create', key, object, isLost: last !== undefined && !isBehind }];
    // What goes cannot be kept: it is made anew once it is gone.
    if (there.isGoing || isInStep(object, there, last)) return [];
    return [replacing(key, object, there, isBehind ? undefined : last)];
  });
  const removed = [...found.values()].flatMap((there): readonly Step[] =>
    there.isOurs && !there.isGoing && !wanted.has(there.key) ? [{ kind: 'remove', key: there.key, found: there }] : [],
  );
  return [...written, ...removed].sort((left, right) => compareText(left.key, right.key));
}

function isUnseen({ resourceVersion, atMs }: Settled, { revision, isTroubled, nowMs }: Keeping): boolean {
  const isNewest = revision === undefined || isNewer(resourceVersion, revision);
  return isNewest && (isTroubled || nowMs - atMs < lagMaxMs);
}

/** @param last of the very object, as far as it was seen again. */
export function replacing(key: string, object: KubeObject, found: FoundObject, last: Settled | undefined): Step {
  return { kind: 'replace', key, object, found, isDrift: last !== undefined && last.found !== found.hash };
}

/** The same object is asked for again and again. */
const hashes = new WeakMap<KubeObject, string>();

export function hashOf(object: KubeObject): string {
  const known = hashes.get(object) ?? contentHash(canonicalJson(object));
  hashes.set(object, known);
  return known;
}

function isInStep(object: KubeObject, { hash }: FoundObject, last: Settled | undefined): boolean {
  return last !== undefined && last.found === hash && last.wanted === hashOf(object);
}
