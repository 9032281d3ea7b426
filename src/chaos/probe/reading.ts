/** What a look at one probe gave: a number, or nothing and why. Nothing is never taken for good: the engine counts it as silence. */
export type ProbeReading =
  | { readonly kind: 'value'; readonly value: number }
  /** `why` is one sentence without full stop, for the log. */
  | { readonly kind: 'none'; readonly why: string };

export function value(number: number): ProbeReading {
  return { kind: 'value', value: number };
}

export function none(why: string): ProbeReading {
  return { kind: 'none', why };
}
