/** Whether a path is one that a rule names; an allow goes by letters, a deny by names: see `read-path.ts`. */
import type { PathMatch } from '../model/snapshot.ts';
import { type ReadPath, readPath } from './read-path.ts';

export type Effect = 'allow' | 'deny';
export type PathMatcher = (path: ReadPath) => boolean;

/** Segments that every path of a match begins with, by which rules are looked up. An empty last one is none. */
export function leadingSegments({ kind, path }: PathMatch): readonly string[] {
  const { segments } = readPath(path);
  const literal = kind === 'template' ? segments.slice(0, segments.findIndex(isHole)) : segments;
  return literal.at(-1) === '' ? literal.slice(0, -1) : literal;
}

/** The reading of a request's path that rules of this effect go by. */
export function readingFor(effect: Effect, { segments, names }: ReadPath): readonly string[] {
  return effect === 'allow' ? segments : names;
}

export function pathMatcher(match: PathMatch, effect: Effect): PathMatcher {
  const wanted = readPath(match.path).segments;
  const segmentsMatch = (path: ReadPath, count: number): boolean => {
    const found = readingFor(effect, path);
    for (let index = 0; index < count; index += 1) {
      const segment = wanted[index] ?? '';
      if (match.kind === 'template' && isHole(segment)) {
        if (path.names[index] === '') return false;
      } else if (found[index] !== segment) return false;
    }
    return true;
  };
  const { length } = wanted;
  if (match.kind !== 'subtree') return (path) => path.segments.length === length && segmentsMatch(path, length);
  return (path) => path.segments.length >= length && segmentsMatch(path, length);
}

function isHole(segment: string): boolean {
  return segment.startsWith('{');
}
