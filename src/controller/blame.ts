/**
 * Which resources a refusal means. Envoy refuses a response; it names clusters and listeners in its message, and of
 * routes it often says only what is wrong with one of them.
 *
 *   named in the message ──▶ those     nothing named, one unit and nothing else sent ──▶ that     otherwise ──▶ suspects
 */
import type { Resource } from '../xds/resource.ts';
import type { Member, Unit } from './rollout-unit.ts';

export interface RefusedResponse {
  readonly typeUrl: string;
  /** Version of each resource, by name. */
  readonly resources: ReadonlyMap<string, string>;
  readonly message: string;
}

export interface Blame {
  readonly guilty: ReadonlyMap<Unit, readonly Member[]>;
  /** Units of which one at least, or something sent with them, is meant. */
  readonly suspected: ReadonlySet<Unit>;
  /** Names of what was refused and belongs to no trial; at most `namesMax`. */
  readonly others: readonly string[];
}

/** Most names that one refusal carries: a response may hold thousands, and a person reads these. */
const namesMax = 20;

/** @param trials units that the proxy was given to try. */
export function blame(trials: readonly Unit[], { typeUrl, resources, message }: RefusedResponse): Blame {
  const sent = new Map<Unit, readonly Member[]>();
  for (const unit of trials) {
    const members = [...unit.members.values()].filter(
      ({ after }) => after.typeUrl === typeUrl && resources.get(after.name) === after.version,
    );
    if (members.length > 0) sent.set(unit, members);
  }
  const tried = new Set([...sent.values()].flat().map(({ after }) => after.name));
  const named = new Set([...resources.keys()].filter((name) => isNamed(name, message)));
  if (named.size > 0) {
    const guilty = [...sent].map(
      ([unit, members]) => [unit, members.filter(({ after }) => named.has(after.name))] as const,
    );
    return {
      guilty: new Map(guilty.filter(([, members]) => members.length > 0)),
      suspected: new Set(),
      others: [...named].filter((name) => !tried.has(name)).slice(0, namesMax),
    };
  }
  if (sent.size === 0) return { guilty: sent, suspected: new Set(), others: [...resources.keys()].slice(0, namesMax) };
  if (sent.size === 1 && tried.size === resources.size) return { guilty: sent, suspected: new Set(), others: [] };
  return { guilty: new Map(), suspected: new Set(sent.keys()), others: [] };
}

/** As a word of its own: `atelier/api/80` is named neither by `atelier/api/8080` nor by `out/atelier/api/80`. */
function isNamed(name: Resource['name'], message: string): boolean {
  const partOfName = /[\w/-]/;
  for (let at = message.indexOf(name); at !== -1; at = message.indexOf(name, at + 1)) {
    const before = message[at - 1] ?? ' ';
    const [after = ' ', next = ' '] = message.slice(at + name.length);
    const goesOn = partOfName.test(after) || ('.:'.includes(after) && partOfName.test(next));
    if (!partOfName.test(before) && before !== '.' && !goesOn) return true;
  }
  return false;
}
