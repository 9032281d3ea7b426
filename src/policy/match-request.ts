/** Hosts and headers of a rule, in the words of the request. Envoy's side of the same comparison: `envoy/rbac.ts`. */
import type { HeaderMatch, HostMatch } from '../model/snapshot.ts';
import type { HeaderLines } from './access-request.ts';
import type { Effect } from './match-path.ts';

/** @param host undefined where the request has none that could be compared: no rule speaks of such a request. */
export function matchesHost(matches: readonly HostMatch[], host: string | undefined): boolean {
  if (host === undefined) return false;
  return matches.some((match) =>
    match.kind === 'exact' ? host === match.host : host.endsWith(match.suffix) && host.length > match.suffix.length,
  );
}

export function matchesHeader(match: HeaderMatch, effect: Effect, headers: HeaderLines): boolean {
  const lines = headers.lines(match.name);
  switch (match.kind) {
    case 'present':
      return lines.length > 0;
    case 'absent':
      return lines.length === 0;
    case 'exact':
      return matchesValues(lines, effect, (value) => value === match.value);
    case 'prefix':
      return matchesValues(lines, effect, (value) => value.startsWith(match.prefix));
  }
}

/** A list that HTTP lets be written over several lines: what one reader takes for one value is several to another. */
function matchesValues(lines: readonly string[], effect: Effect, matches: (value: string) => boolean): boolean {
  const values = lines.flatMap((line) => line.split(','));
  if (effect === 'allow') return values.length === 1 && values.every(matches);
  return values.some((value) => matches(value.replace(/^[ \t]+|[ \t]+$/g, '')));
}
