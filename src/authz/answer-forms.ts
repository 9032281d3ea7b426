/**
 * Answers that are the same every time but for the decision id, written by copying.
 *
 *   make(id) ──once for each key and length of id──▶ bytes with holes ──▶ fill(id): one copy, one write a hole
 *
 * Lengths on the wire depend on the id's length and on nothing else of it, so there is one form for each length. The
 * encoder is protobuf-es; where the holes are is found by encoding two ids that differ everywhere.
 * The surprise: forms are kept for one revision, the last one asked for. Nobody asks for older ones again.
 */
import { answerFormsMax, idLengthMax } from './limits.ts';

interface Form {
  readonly bytes: Buffer;
  /** Where the id begins, each time it occurs. */
  readonly holes: readonly number[];
}

export class AnswerForms {
  /** By length of the id, then by key. */
  #byLength = noForms();
  #revision = '';
  #forms = 0;

  /**
   * @param id ASCII.
   * @param key tells this answer from all others of its revision.
   * @param make encodes it with whatever id.
   */
  fill(id: string, revision: string, key: string, make: (id: string) => Uint8Array): Buffer {
    if (revision !== this.#revision || this.#forms > answerFormsMax) this.#forget(revision);
    const known = this.#byLength[id.length];
    if (known === undefined) throw new RangeError(`a decision id has at most ${idLengthMax} characters`);
    let form = known.get(key);
    if (form === undefined) {
      form = formOf(id.length, make);
      known.set(key, form);
      this.#forms += 1;
    }
    const answer = Buffer.from(form.bytes);
    for (const hole of form.holes) answer.write(id, hole, 'latin1');
    return answer;
  }

  #forget(revision: string): void {
    this.#byLength = noForms();
    this.#revision = revision;
    this.#forms = 0;
  }
}

function noForms(): readonly Map<string, Form>[] {
  return Array.from({ length: idLengthMax + 1 }, () => new Map());
}

function formOf(length: number, make: (id: string) => Uint8Array): Form {
  const bytes = Buffer.from(make('a'.repeat(length)));
  const other = make('b'.repeat(length));
  const differing = [...bytes.keys()].filter((at) => bytes[at] !== other[at]);
  return { bytes, holes: differing.filter((_, index) => index % length === 0) };
}
