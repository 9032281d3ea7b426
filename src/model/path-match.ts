/** Paths of a rule, as written, in the forms that can be enforced: exactly this one, everything from here down, or one of this shape. */
import type { PathMatch } from './snapshot.ts';

/**
 * @param written as the schema let them through; absent means any.
 * @returns empty (any) where one of them is the whole tree, so that no consumer meets a subtree of nothing.
 */
export function pathMatches(written: readonly string[] = []): PathMatch[] {
  if (written.includes('/*')) return [];
  return [...new Set(written)].sort().map(pathMatch);
}

function pathMatch(path: string): PathMatch {
  if (path.endsWith('/*')) return { kind: 'subtree', path: path.slice(0, -2) };
  return path.includes('{') ? { kind: 'template', path } : { kind: 'exact', path };
}
