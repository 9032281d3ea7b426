/**
 * A pure function that is asked the same again and again, and makes each answer once.
 *
 * What it remembers changes no answer, only what it costs: messages are values, so whoever is given one that another was
 * given before cannot tell. For what is the same in every proxy's configuration, or in those of one tenant.
 */

/** @param most answers that are remembered; beyond it the oldest is forgotten, and made again if it is asked for. */
export function remembered<Args extends readonly (string | number | boolean | readonly string[])[], Answer>(
  most: number,
  make: (...args: Args) => Answer,
): (...args: Args) => Answer {
  const known = new Map<string, Answer>();
  return (...args) => {
    const name = JSON.stringify(args);
    const answer = known.get(name) ?? make(...args);
    if (known.has(name)) return answer;
    const [oldest] = known.keys();
    if (known.size >= most && oldest !== undefined) known.delete(oldest);
    known.set(name, answer);
    return answer;
  };
}
