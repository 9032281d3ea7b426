/**
 * What else was recorded while a drill ran, in the two shapes that its report tells apart: calls, and all the rest.
 *
 *   evidence ──whoever has it──▶ Happening ──▶ who was affected, the merged timeline, the graphs
 *
 * Evidence has many kinds of events and this room knows none of them; whoever joins the two says which of them matter.
 * Names are as proxies and people are called in the mesh; `words` were chosen by a peer or a proxy, and may say anything.
 */

export type Happening = Call | Occurrence;

/** One request or connection, or several that one record stands for. */
export interface Call {
  readonly kind: 'call';
  /** Epoch ms. */
  readonly atMs: number;
  /** `tenant/serviceAccount` that was proved; else a workload key or an address. Never a claim. */
  readonly caller: string;
  /** Workload key of the caller's proxy, where it was that which told. */
  readonly proxy?: string;
  /** Cluster or workload key. */
  readonly callee: string;
  /** It is on the edge that is drilled. */
  readonly onEdge: boolean;
  /**
   * `overflow`: turned away by a breaker; `failed`: the callee could not be had; `denied`: by rule. `answered-error`: the
   * callee tells of an error that it answered, which dates a failure and counts none: a caller may have tried again.
   */
  readonly outcome: 'passed' | 'overflow' | 'failed' | 'denied' | 'answered-error';
  /** Envoy's response flags, the status of an error, or the reason of a denial. */
  readonly detail: string;
  /** How many it stands for: more than 1 of what is sampled. */
  readonly standsFor: number;
}

/** Outcomes that are told one by one; the others are counted or dated. */
export type ToldOutcome = Exclude<Call['outcome'], 'passed' | 'answered-error'>;

export interface Occurrence {
  readonly kind: 'occurrence';
  /** Epoch ms. */
  readonly atMs: number;
  readonly what: OccurrenceWord;
  /** Revision, type URL, workload, certificate's subject, code of a problem, name of a detector, method of a person. */
  readonly about: string;
  readonly proxies?: number;
  readonly resources?: number;
  /** What else there is to tell; empty if nothing. */
  readonly words: string;
}

export const occurrenceWords = [
  'publication',
  'push',
  'ack',
  'nack',
  'ejected',
  'returned',
  'certificate',
  'problem',
  'problem-solved',
  'detector',
  'person',
  'plaintext-attempt',
  'handshake-failure',
  'undeclared-port',
  'loss',
  'store',
] as const;

export type OccurrenceWord = (typeof occurrenceWords)[number];

export interface Happenings {
  /** Ascending. */
  readonly each: readonly Happening[];
  /** More was recorded than was read, or a store did not answer: counts are of what was read. */
  readonly isCut: boolean;
}
