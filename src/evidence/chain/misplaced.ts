/**
 * Records that are not where they belong: sorts them into altered, dropped and reordered once all of them were seen.
 *
 * A record was moved, and not altered, if it fits some position among those in doubt; a position that is skipped was
 * reordered, and not dropped, if its record turns up later. Few are kept: the point is to locate, not to list.
 */
import { linkOf } from './chain.ts';
import type { ChainFinding } from './chain-finding.ts';

/** A record that does not fit where it stands. */
export interface Suspect {
  readonly position: number;
  readonly digest: Buffer;
  readonly link: Buffer;
  /** Link that is stored in front of it. */
  readonly before: Buffer;
}

/** Most of a kind that are kept. Moves are looked for among this many cubed, some thousand hashes. */
const keptMax = 20;

export class Misplaced {
  readonly #suspects: Suspect[] = [];
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];
  readonly #late: number[] = [];

  suspect(suspect: Suspect): void {
    if (this.#suspects.length < keptMax) this.#suspects.push(suspect);
  }

  gap(from: number, to: number): void {
    if (this.#gaps.length < keptMax) this.#gaps.push({ from, to });
  }

  /** Something of a position that was passed already. */
  late(position: number): void {
    if (this.#late.length < keptMax) this.#late.push(position);
  }

  /** Whether something in this range is told anyway. */
  touches(from: number, to: number): boolean {
    return (
      this.#suspects.some(({ position }) => from <= position && position <= to) ||
      this.#gaps.some((gap) => gap.from <= to && from <= gap.to)
    );
  }

  findings(): readonly ChainFinding[] {
    const suspects = this.#suspects.map((suspect): ChainFinding => {
      const belongsAt = this.#homeOf(suspect);
      const { position } = suspect;
      return belongsAt === undefined
        ? { kind: 'altered', from: position, to: position }
        : { kind: 'reordered', position, belongsAt };
    });
    const late = new Set(this.#late);
    const gaps = this.#gaps
      .filter(({ from, to }) => !isOnlyLate(from, to, late))
      .map(({ from, to }): ChainFinding => ({ kind: 'dropped', from, to }));
    const moved = [...late].map((position): ChainFinding => ({ kind: 'reordered', position }));
    return [...suspects, ...gaps, ...moved].sort((a, b) => placeOf(a) - placeOf(b));
  }

  /** The other position in doubt that the record fits. */
  #homeOf({ position, digest, link }: Suspect): number | undefined {
    const links = this.#suspects.flatMap((suspect) => [suspect.before, suspect.link]);
    return this.#suspects
      .map((suspect) => suspect.position)
      .find((home) => home !== position && links.some((before) => linkOf(before, home, digest).equals(link)));
  }
}

function isOnlyLate(from: number, to: number, late: ReadonlySet<number>): boolean {
  return (
    to - from < late.size && Array.from({ length: to - from + 1 }, (_, at) => from + at).every((at) => late.has(at))
  );
}

function placeOf(finding: ChainFinding): number {
  return 'from' in finding ? finding.from : 'position' in finding ? finding.position : 0;
}
