/** How long an answer may be kept, by its `Cache-Control`. Source: RFC 9111 section 5.2.2. */

/** Longest `Cache-Control` that is read, in characters of all its lines. */
const lengthMax = 1_024;

/**
 * @param lines of the header, in the order they came: of a stranger. The first `max-age` counts, as the RFC asks.
 * @returns ms, 0 where it may not be kept at all, and `undefined` where nothing is said that can be read.
 */
export function maxAgeMs(lines: readonly string[]): number | undefined {
  const directives = lines.join(',').slice(0, lengthMax).toLowerCase().split(',');
  const said = directives.map((directive) => directive.trim());
  if (said.some((directive) => /^no-(store|cache)$/.test(directive))) return 0;
  const [, seconds] =
    said.map((directive) => /^max-age="?(\d+)"?$/.exec(directive)).find((found) => found !== null) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
