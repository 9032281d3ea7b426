/** What a rule asks that no record holds, and the rule without it: what is left can be judged of the past. */
import { matchesEvery, type Rule } from '../policy/port-policy.ts';

/** What is known of a call. `connection`: not even method and path. */
export type Knowledge = 'request' | 'connection';

/** Whether a record may leave open if the rule matches. A condition in CEL may ask anything. */
export function mayAsk({ match, token, when }: Rule, knowledge: Knowledge): boolean {
  if (token !== undefined || when !== undefined) return true;
  return knowledge === 'connection' ? !matchesEvery(match) : asksHost(match) || asksHeaders(match);
}

/** The same rule, of which everything can be judged: it matches whatever the whole rule matches, and more. */
export function bareOf({ name, callers, match, notAfterMs, where }: Rule, knowledge: Knowledge): Rule {
  const { methods, paths } = match;
  return {
    name,
    callers,
    match: knowledge === 'connection' ? { methods: [], paths: [] } : { methods, paths },
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
    where,
  };
}

/** What one would have to know, in words; never empty for a rule that `mayAsk`. */
export function asksOf({ match, token, when }: Rule, knowledge: Knowledge): readonly string[] {
  const { methods, paths, hosts = [], headers = [] } = match;
  return [
    ...(knowledge === 'connection' && methods.length + paths.length > 0 ? ['method and path'] : []),
    ...(hosts.length > 0 ? ['the host'] : []),
    ...headers.map(({ name }) => `header ${name}`),
    ...(token === undefined ? [] : ['the token']),
    ...(when === undefined ? [] : [`what \`${when}\` asks`]),
  ];
}

function asksHost({ hosts = [] }: Rule['match']): boolean {
  return hosts.length > 0;
}

function asksHeaders({ headers = [] }: Rule['match']): boolean {
  return headers.length > 0;
}
