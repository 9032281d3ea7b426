/**
 * What is told about each decision: enough to ask about it later, nothing a caller would not want written down.
 * No header, query, body or token is in it.
 */
import type { UndecodableReason } from './access-request.ts';

export interface Observer {
  decided(record: DecisionRecord): void;
  /** A check refused unread, because its connection asks for too many. */
  shed(peer: string): void;
}

export type DecisionRecord = {
  readonly id: string;
  /** Epoch, in ms. */
  readonly timeMs: number;
  readonly durationUs: number;
  /** W3C `traceparent` of the proxy's own span for this check; absent where it traces nothing. */
  readonly traceparent?: string;
} & (
  | ({ readonly request: RecordedRequest } & Verdict)
  | { readonly verdict: 'undecodable'; readonly why: UndecodableReason }
);

export interface RecordedRequest {
  /** URI SAN; '' for nobody. */
  readonly principal: string;
  /** `address:port` */
  readonly destination: string;
  readonly host: string;
  readonly method: string;
  /** Without query, and perhaps cut. */
  readonly path: string;
}

type Verdict =
  | {
      readonly verdict: 'allow';
      readonly rule: string;
      readonly revision: string;
      /** Why policies under audit would have denied it. */
      readonly audited?: string;
    }
  | { readonly verdict: 'deny'; readonly reason: string; readonly revision: string }
  | { readonly verdict: 'unavailable'; readonly why: string };
