/**
 * Can anything of one party come to anything of another? Asked of what the proxies are told, not of the policy.
 *
 *   callers ──doors that let them in──▶ workloads ──their doors──▶ … ──▶ the other party
 *
 * A workload that is reached may call on in its own name, so ways lead through whoever stands between. The answer is one
 * of three: no path, with the walls that stop every caller at the last door; a path, with an example request that each
 * door on it lets pass; or unknown, where the only way left leads through something that nobody here understands.
 */
import { type Door, waysTo } from './door.ts';
import { type Link, linkTo, type MeshReading } from './mesh-reading.ts';

export interface Party {
  readonly workloads: ReadonlySet<string>;
  /** By workload: its ports that are meant, where not all are. */
  readonly ports?: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface ProofQuestion {
  readonly from: Party;
  readonly to: Party;
  /**
   * A caller dials every address himself, with the certificate that he has. Otherwise he comes only where his own sidecar
   * leads him.
   */
  readonly compromised: boolean;
  /** Most workloads of a path, without its first; 1 asks for direct calls only. */
  readonly hopsMax: number;
}

export type Proof =
  | { readonly kind: 'no-path'; readonly walls: readonly Wall[]; readonly between: readonly string[] }
  | { readonly kind: 'path'; readonly links: readonly Link[] }
  | { readonly kind: 'unknown'; readonly links: readonly Link[] };

/** What stops callers at one door of the other party. */
export interface Wall {
  readonly workload: string;
  readonly listener: string;
  readonly chain: string;
  readonly why: string;
  /** Who was tried there in vain, and how many more. */
  readonly caller: string;
  readonly others: number;
}

/** Most walls that an answer names. */
const wallsMax = 24;
/** Most doors and callers of which walls are told: they explain the answer and are no part of it. */
const doorsToldMax = 64;
const callersToldMax = 64;

export function prove(reading: MeshReading, question: ProofQuestion): Proof {
  const surely = new Search(reading, question, 'admitted');
  const links = surely.run();
  if (links !== undefined) return { kind: 'path', links };
  const perhaps = new Search(reading, question, 'unclear').run();
  if (perhaps !== undefined) return { kind: 'unknown', links: perhaps };
  const { from, to } = question;
  const reached = [...surely.reached()].filter((key) => !to.workloads.has(key));
  return {
    kind: 'no-path',
    walls: wallsBetween(reading, reached, question),
    between: reached.filter((key) => !from.workloads.has(key)).sort(),
  };
}

/** Breadth first, so that the path found is one of the shortest. */
class Search {
  readonly #reading: MeshReading;
  readonly #question: ProofQuestion;
  /** `unclear`: also by what nobody understands. */
  readonly #least: 'admitted' | 'unclear';
  readonly #cameBy = new Map<string, Link | undefined>();

  constructor(reading: MeshReading, question: ProofQuestion, least: 'admitted' | 'unclear') {
    this.#reading = reading;
    this.#question = question;
    this.#least = least;
  }

  reached(): Iterable<string> {
    return this.#cameBy.keys();
  }

  /** @returns the links of a path, first to last. */
  run(): readonly Link[] | undefined {
    let front = callersOf(this.#question);
    for (const key of front) this.#cameBy.set(key, undefined);
    for (let hops = 0; hops < this.#question.hopsMax && front.length > 0; hops++) {
      const next: string[] = [];
      const asked = new Set<string>();
      for (const key of front) {
        const { spiffeId } = this.#reading.caller(key);
        // Who bears the same name is let in by the same doors, and has been asked about.
        if (this.#question.compromised && asked.has(spiffeId)) continue;
        asked.add(spiffeId);
        const last = this.#step(key, next);
        if (last !== undefined) return this.#pathTo(last);
      }
      front = next;
    }
    return undefined;
  }

  #step(key: string, next: string[]): Link | undefined {
    const { compromised, to } = this.#question;
    const caller = this.#reading.caller(key);
    if (this.#least === 'unclear') {
      for (const [other, why] of this.#reading.unread()) {
        const link: Link = { from: key, to: other, door: '', chain: '', entry: { kind: 'unclear', why } };
        if (other !== key && to.workloads.has(other)) return link;
        if (other !== key) this.#arrive(link, next);
      }
    }
    const wanted = (door: Door) => isAt(door, to) || !this.#cameBy.has(door.workload);
    const links = compromised ? this.#dial(key, caller, wanted) : this.#reading.ledFrom(key, wanted);
    for (const link of links) {
      if (!this.#counts(link)) continue;
      if (isLinkTo(link, to, this.#reading)) return this.#withExit(link);
      this.#arrive(link, next);
    }
    return undefined;
  }

  *#dial(key: string, caller: ReturnType<MeshReading['caller']>, wanted: (door: Door) => boolean): Generator<Link> {
    for (const door of this.#reading.doorsFor(caller.tenant)) {
      // Asked again at each door: what the one before led to needs no second way.
      if (door.workload === key || !wanted(door)) continue;
      const ways = isAt(door, this.#question.to) ? waysAt(door, this.#question.to) : door.ways;
      const entry = this.#reading.knock(door, caller, ways);
      if (entry.kind !== 'refused') yield linkTo(key, door, entry);
    }
  }

  #counts({ entry }: Link): boolean {
    return entry.kind === 'admitted' || this.#least === 'unclear';
  }

  #arrive(link: Link, next: string[]): void {
    if (this.#cameBy.has(link.to)) return;
    this.#cameBy.set(link.to, link);
    next.push(link.to);
  }

  /** Where the caller's own sidecar leads to the same door, that is the way to show. */
  #withExit(link: Link): Link {
    if (link.exit !== undefined || link.entry.kind !== 'admitted') return link;
    const same = this.#reading.ledFrom(
      link.from,
      ({ workload, listener, chain }) => workload === link.to && listener === link.door && chain.name === link.chain,
    );
    return same.find(({ entry }) => entry.kind === 'admitted') ?? link;
  }

  #pathTo(last: Link): readonly Link[] {
    const links = [last];
    for (let link = this.#cameBy.get(last.from); link !== undefined; link = this.#cameBy.get(link.from)) {
      links.unshift(this.#withExit(link));
    }
    return links;
  }
}

/** Who belongs to both parties is asked about as the one that is called; where that leaves nobody, as both. */
function callersOf({ from, to }: ProofQuestion): readonly string[] {
  const others = [...from.workloads].filter((key) => !to.workloads.has(key));
  return (others.length > 0 ? others : [...from.workloads]).sort();
}

/** Whether some connection that the door takes is to a port that is meant. */
function isAt(door: Door, party: Party): boolean {
  return party.workloads.has(door.workload) && waysAt(door, party).length > 0;
}

function waysAt(door: Door, { ports }: Party): ReturnType<typeof waysTo> {
  return waysTo(door, ports?.get(door.workload));
}

function isLinkTo({ to, door, chain }: Link, party: Party, reading: MeshReading): boolean {
  return reading.doorsOf(to).some((each) => each.listener === door && each.chain.name === chain && isAt(each, party));
}

function wallsBetween(reading: MeshReading, reached: readonly string[], { to }: ProofQuestion): readonly Wall[] {
  const walls = new Map<string, Wall>();
  const callers = distinctCallers(reading, reached).slice(0, callersToldMax);
  const targets = [...to.workloads].sort();
  const doors = targets.flatMap((key) => reading.doorsOf(key).filter((door) => isAt(door, to)));
  for (const door of doors.slice(0, doorsToldMax)) {
    for (const key of callers) {
      const entry = reading.knock(door, reading.caller(key), waysAt(door, to));
      if (entry.kind !== 'refused') continue;
      const { workload, listener, chain } = door;
      const id = JSON.stringify([workload, listener, chain.name, entry.why]);
      const known = walls.get(id);
      walls.set(
        id,
        known === undefined
          ? { workload, listener, chain: chain.name, why: entry.why, caller: key, others: 0 }
          : { ...known, others: known.others + 1 },
      );
    }
  }
  for (const workload of targets) {
    if (reading.doorsOf(workload).some((door) => isAt(door, to))) continue;
    const [caller = ''] = callers;
    const why = 'no filter chain takes any connection';
    walls.set(workload, { workload, listener: '', chain: '', why, caller, others: Math.max(0, callers.length - 1) });
  }
  return [...walls.values()].slice(0, wallsMax);
}

function distinctCallers(reading: MeshReading, keys: readonly string[]): readonly string[] {
  const byIdentity = new Map(keys.toReversed().map((key) => [reading.caller(key).spiffeId, key]));
  return [...byIdentity.values()].sort();
}
