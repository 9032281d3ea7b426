/**
 * What was refused while it could not be written, as lines for standard error: so many a second, and the rest counted.
 *
 *   event ──room in this second?──▶ line of JSON          no ──▶ counted ──▶ one line with the count, with the next one
 */
import type { EvidenceEvent } from '../event.ts';

/** Most lines of one second. An attack must not fill a second disk by our own hand; what was left out is counted. */
export const spillLinesPerSecondMax = 20;

export class Spill {
  readonly #line: (text: string) => void;
  #secondMs = -Infinity;
  #lines = 0;
  #leftOut = 0;

  /** @param line takes one line, without its end. */
  constructor(line: (text: string) => void) {
    this.#line = line;
  }

  event(event: EvidenceEvent, nowMs: number): void {
    // A clock that was set back begins a new second, rather than to wait for the old one.
    if (nowMs >= this.#secondMs + 1_000 || nowMs < this.#secondMs) {
      this.#secondMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines >= spillLinesPerSecondMax) {
      this.#leftOut += 1;
      return;
    }
    this.#tellLeftOut();
    this.#lines += 1;
    this.#line(printable(event));
  }

  /** The store can write again. */
  end(): void {
    this.#tellLeftOut();
  }

  #tellLeftOut(): void {
    if (this.#leftOut === 0) return;
    this.#line(`{"evidence":"not written here","events":${this.#leftOut}}`);
    this.#leftOut = 0;
  }
}

/** On one line, without a character that a terminal obeys: a peer chose parts of it. */
function printable(event: EvidenceEvent): string {
  return JSON.stringify(event).replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped);
}

/** Each UTF-16 unit as JSON writes it. */
function escaped(character: string): string {
  const units = character.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'));
  return units.map((unit) => `\\u${unit}`).join('');
}
