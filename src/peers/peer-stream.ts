/** One end of a stream between two replicas, whatever carries it. */
export interface PeerStream<Sent> {
  send(message: Sent): void;
  /** Messages that wait for the other side to take them. */
  readonly unsent: number;
  /** Nothing is heard of the other side any more. May be called twice. */
  end(why: string): void;
}

/** What an end of a stream is told. After `closed` it is told nothing. */
export interface PeerHearing<Heard> {
  heard(message: Heard): void;
  closed(why: string): void;
}
