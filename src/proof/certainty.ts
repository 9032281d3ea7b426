/**
 * What is known of a condition: that it holds, that it does not, or neither. Kleene's logic of three values.
 *
 *   no < maybe < yes        `maybe` is what a construct counts for that nobody here understands
 *
 * It is what keeps the proof honest: `no` is only ever said of what cannot be, and `yes` of what must.
 */
export type Certainty = 'no' | 'maybe' | 'yes';

const order: readonly Certainty[] = ['no', 'maybe', 'yes'];

/** All hold; of none this is true. */
export function every(conditions: Iterable<Certainty>): Certainty {
  let least = 2;
  for (const condition of conditions) least = Math.min(least, order.indexOf(condition));
  return order[least] ?? 'no';
}

/** One holds at least; of none this is false. */
export function some(conditions: Iterable<Certainty>): Certainty {
  let most = 0;
  for (const condition of conditions) most = Math.max(most, order.indexOf(condition));
  return order[most] ?? 'no';
}

export function not(condition: Certainty): Certainty {
  return order[2 - order.indexOf(condition)] ?? 'no';
}

export function whether(known: boolean): Certainty {
  return known ? 'yes' : 'no';
}
