/**
 * How large a regular expression Envoy takes, as the runtime layer that every bootstrap begins with.
 *
 * Its default, a compiled program of 100, is below what one path of a deny rule needs, and a route with a larger one is
 * refused whole. RE2 runs in time linear in the request whatever the program's size, and only our own builders write
 * patterns. In the bootstrap, because the layer that drills write to comes over the wire and holds drills alone.
 */

/** Largest compiled program. The longest path that a schema lets through, spelled out for a deny, stays below half of it. */
const programSizeMax = 65_536;

export const regexLayer = 'regex-limits';
export const regexLimits: Readonly<Record<string, number>> = {
  're2.max_program_size.error_level': programSizeMax,
  're2.max_program_size.warn_level': programSizeMax,
};
