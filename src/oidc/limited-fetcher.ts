/** A few fetches at a time: a worker that begins asks for the keys of a whole mesh at once, and has checks to answer. */
import type { KeyFetcher } from './key-book.ts';

/** Most fetches that are under way; with as many dead issuers the next one waits for as long as one fetch may take. */
export const fetchesMax = 32;

/** The others wait in the order they came: one for each issuer, of which a book has so many at most. */
export function limitedFetcher(fetchKeys: KeyFetcher): KeyFetcher {
  const waiting: (() => void)[] = [];
  let open = 0;
  return async (source) => {
    if (open < fetchesMax) open += 1;
    else await new Promise<void>((begin) => waiting.push(begin));
    try {
      return await fetchKeys(source);
    } finally {
      const next = waiting.shift();
      if (next === undefined) open -= 1;
      else next();
    }
  };
}
