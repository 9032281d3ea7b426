/** Every wait of a list and watch, in ms. */
export interface InformTimings {
  /** Longest wait for an answer to a list, or for one page of it. */
  readonly answerMaxMs: number;
  /** Longest silence of a watch. */
  readonly silenceMaxMs: number;
  /** How long a watch must stand until it counts as one that works, if nothing comes by it before. */
  readonly provenMs: number;
  /** How long a watch may stand before everything is listed again; from a fifth less to a fifth more. */
  readonly relistMs: number;
  /** Wait after the first failure; it doubles with each further one. From half of it to all. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Longest wait that an API server may ask for. */
  readonly retryAfterMaxMs: number;
  /** How often a kind is looked for that a cluster need not have. */
  readonly absentLookMs: number;
}

export const informTimings: InformTimings = {
  // A page of objects of 1 MiB from a busy API server.
  answerMaxMs: 60_000,
  // Two bookmarks: an API server sends one a minute.
  silenceMaxMs: 150_000,
  provenMs: 10_000,
  // What a change costs at most that was missed against every promise.
  relistMs: 600_000,
  backoffMs: 200,
  backoffMaxMs: 30_000,
  retryAfterMaxMs: 60_000,
  absentLookMs: 30_000,
};

/** @param failures in a row, at least one. @param random from 0 to below 1: many replicas must not come back at once. */
export function backoffMs(
  { backoffMs, backoffMaxMs }: Pick<InformTimings, 'backoffMs' | 'backoffMaxMs'>,
  failures: number,
  random: number,
): number {
  return Math.min(backoffMs * 2 ** (failures - 1), backoffMaxMs) * (0.5 + 0.5 * random);
}
