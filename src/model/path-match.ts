/** Paths of a rule, as written, in the two forms that can be enforced: exactly this one, or everything from here down. */
import type { PathMatch } from './snapshot.ts';

/**
 * @param written as the schema let them through; absent means any.
 * @returns empty (any) where one of them is the whole tree, so that no consumer meets a subtree of nothing.
 */
export function pathMatches(written: readonly string[] = []): PathMatch[] {
  if (written.includes('/*')) return [];
  return [...new Set(written)]
    .sort()
    .map((path) => (path.endsWith('/*') ? { kind: 'subtree', path: path.slice(0, -2) } : { kind: 'exact', path }));
}
