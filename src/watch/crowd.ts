/**
 * The parties that one rule remembers: a bounded crowd, in which nobody can have all the places.
 *
 *   (party, witness) ──▶ its series          no room: the party goes that has been quiet for longest
 *
 * The surprise is the witness, the sidecar that brought a party up: one that lies can name as many as it likes, and would
 * have those forgotten of whom the others are about to tell. So each witness has so many places, and pays with its own.
 */
import type { Series } from './series.ts';

/** Parties that one rule remembers. With fifty points of a hundred bytes each that is 5 MB at the very most. */
export const seriesPerRuleMax = 1_024;
/** Of those, the most that one witness has brought. Eight that lie together are a crowd, and loud by then. */
const seriesPerWitnessMax = 128;

export class Crowd {
  /** Who gave a sign last stands last, here and with each witness. */
  readonly #parties = new Map<string, { readonly series: Series; readonly witness: string }>();
  readonly #brought = new Map<string, Set<string>>();

  get size(): number {
    return this.#parties.size;
  }

  /** @param witness empty of what we saw ourselves. */
  seriesOf(party: string, witness: string, begin: () => Series): Series {
    const known = this.#parties.get(party) ?? { series: begin(), witness };
    this.#forget(party);
    this.#parties.set(party, known);
    const brought = this.#brought.get(known.witness) ?? new Set();
    this.#brought.set(known.witness, brought.add(party));
    if (known.witness !== '' && brought.size > seriesPerWitnessMax) this.#forgetFirst(brought);
    if (this.size > seriesPerRuleMax) this.#forgetFirst(this.#parties.keys());
    return known.series;
  }

  #forgetFirst(parties: Iterable<string>): void {
    const [longestQuiet] = parties;
    if (longestQuiet !== undefined) this.#forget(longestQuiet);
  }

  #forget(party: string): void {
    const known = this.#parties.get(party);
    if (known === undefined) return;
    this.#parties.delete(party);
    const brought = this.#brought.get(known.witness);
    brought?.delete(party);
    if (brought?.size === 0) this.#brought.delete(known.witness);
  }
}
