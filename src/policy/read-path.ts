/**
 * The two ways to read one path: by its letters, as Envoy compares, and by the names of its segments, as an application
 * may.
 *
 *   /a;v=1/b%21   letters: `a;v=1`, `b%21`      names: `a`, `b!`
 *
 * A servlet container takes parameters (`;…`) off a segment before it looks for a resource, so a deny that goes by letters
 * is walked around by `/admin;x`. So an allow needs the letters, and a deny is content with the names. What has no
 * one reading even then, such as `/public/..;/admin` or `/;x/admin`, is unclean, and refused before any rule is asked.
 */

export interface ReadPath {
  readonly path: string;
  /** What stands between the slashes. */
  readonly segments: readonly string[];
  /** Of each segment what is before its parameters, percent signs decoded once. */
  readonly names: readonly string[];
}

/**
 * A pattern, of RE2 and of JavaScript alike, that occurs in every unclean path: a path that is none; a slash or dot too
 * many, which normalisation would have taken away; a segment that parameters alone make empty, `.` or `..`, but for an
 * empty last one; an encoded dot, slash, backslash or NUL; a percent sign that encodes nothing; what is not visible ASCII.
 */
export const uncleanPattern: string = [
  '^(?:[^/]|$)',
  '//',
  '/[.]{1,2}(?:[/;]|%3[Bb]|$)',
  '/(?:;|%3[Bb])[^/]*/',
  '%(?:2[EeFf]|5[Cc]|00)',
  '%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|[0-9A-Fa-f]?$)',
  '\\\\',
  '[^!-~]',
].join('|');

const unclean = new RegExp(uncleanPattern);

/** @param path without query, as Envoy normalised it. */
export function isUnclean(path: string): boolean {
  return unclean.test(path);
}

/** @param path that is not unclean, or of a rule. */
export function readPath(path: string): ReadPath {
  const segments = path.slice(1).split('/');
  const plain = !path.includes(';') && !path.includes('%');
  return { path, segments, names: plain ? segments : segments.map(nameOf) };
}

function nameOf(segment: string): string {
  const name = segment.split(/;|%3b/i, 1)[0] ?? '';
  return name.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
