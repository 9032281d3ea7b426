/** Leadership where there is one replica and can be no other: it leads from its start to its end. */
import type { Leadership } from './leadership.ts';

/** @param name as `--replica` says. */
export function onlyReplica(name: string): Leadership {
  const term = 1;
  return { term: () => term, leader: () => ({ name, term }), onChange: () => () => undefined };
}
