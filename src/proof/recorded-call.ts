/**
 * One call as the evidence kept it: who came where, what was asked, and what was said then.
 *
 * A record is less than the request it tells of. Headers, the query and the token are never kept, so a `RecordedCall` has
 * no place for them: whoever judges it again must say "unknown" where a rule asks, and cannot forget to.
 */

export interface RecordedCall {
  /** Of the decision; of the event where there was none. */
  readonly id: string;
  readonly atMs: number;
  /** SPIFFE ID that the handshake proved. */
  readonly caller: string;
  readonly target: RecordedTarget;
  /** Absent of a connection, and of a request whose path was not kept whole. */
  readonly request?: RecordedHttp;
  /** The worker said so: the one thing of a token that a record can tell. */
  readonly hadNoToken?: true;
  readonly verdict: 'allow' | 'deny' | 'unavailable';
  /** `allowed`, or the code of the refusal. */
  readonly reason: string;
  /** By which the worker judged; absent where a proxy alone did. */
  readonly revision?: string;
  /** How many requests this one stands for. */
  readonly standsFor: number;
}

export type RecordedTarget =
  /** Where it arrived: `namespace/pod`, and the port of the application. */
  | { readonly kind: 'workload'; readonly workload: string; readonly port: number }
  /** What was dialled, and stopped at the caller: `namespace/service`, and the port of the service. */
  | { readonly kind: 'service'; readonly service: string; readonly port: number };

export interface RecordedHttp {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** As rules compare it; absent where it was not kept, or is none that could be compared. */
  readonly host?: string;
}
