/**
 * A message that is the same every time but for the decision id, written by copying.
 *
 *   make(id) ──once for each length of id──▶ bytes with holes ──▶ fill(id): one copy, one write a hole
 *
 * Lengths on the wire depend on the id's length and on nothing else of it, so there is one form for each length. The
 * encoder is protobuf-es; where the holes are is found by encoding two ids that differ everywhere.
 */

export interface AnswerTemplate {
  /** @param id ASCII, no longer than the template was made for. */
  fill(id: string): Buffer;
}

interface Form {
  readonly bytes: Buffer;
  /** Where the id begins, each time it occurs. */
  readonly holes: readonly number[];
}

export function answerTemplate(lengthMax: number, make: (id: string) => Uint8Array): AnswerTemplate {
  const forms = Array.from({ length: lengthMax + 1 }, (_, length) => formOf(length, make));
  return {
    fill(id) {
      const form = forms[id.length];
      if (form === undefined) throw new RangeError(`a decision id has at most ${lengthMax} characters`);
      const answer = Buffer.from(form.bytes);
      for (const hole of form.holes) answer.write(id, hole, 'latin1');
      return answer;
    },
  };
}

function formOf(length: number, make: (id: string) => Uint8Array): Form {
  const bytes = Buffer.from(make('a'.repeat(length)));
  const other = make('b'.repeat(length));
  const differing = [...bytes.keys()].filter((at) => bytes[at] !== other[at]);
  return { bytes, holes: differing.filter((_, index) => index % length === 0) };
}
