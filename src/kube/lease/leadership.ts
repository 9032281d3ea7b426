/**
 * Who of the replicas leads: what may be done once in a cluster is done by the leader, under its term.
 *
 * The surprise: to have been the leader a moment ago is nothing. A process may have been stopped for a minute and not
 * know it, so the term is asked for right before each act, and goes with each write, by which the API server can tell a
 * former leader's from the present one's.
 */
export interface Leadership {
  /**
   * Of this replica, for as long as it leads: a positive integer. A later leader's is greater, and no term is anybody's
   * twice. Asked of a clock that goes on while the process is stopped.
   */
  term(): number | undefined;
  /** Whom this replica believes to lead, itself too. Of another it may be late. */
  leader(): Leader | undefined;
  /** @param listener told after either answer changed; must not throw. @returns what ends it. */
  onChange(listener: () => void): () => void;
}

export interface Leader {
  /** The replica's name, as `--replica` says. */
  readonly name: string;
  /** Where its peers reach it, `ADDRESS:PORT`; absent while it has not said. */
  readonly address?: string;
  readonly term: number;
}
