/** What the mesh says of evidence and telemetry: how long, how much, and to whom it is handed on. */

export interface EvidenceRules {
  /** How long the body of an event is kept, in ms, by class; a class that is absent is kept for good. */
  readonly retention: Partial<Readonly<Record<EvidenceClass, number>>>;
  /** Share of the healthy requests that are recorded, in percent, 0 to 100; with a fraction of two digits. */
  readonly samplePercent: number;
  readonly sinks: readonly EvidenceSink[];
}

export const evidenceClasses = ['traffic', 'security', 'operations', 'audit'] as const;

export type EvidenceClass = (typeof evidenceClasses)[number];

/** Where a SIEM gets its events. Every path is one of the control plane's file system. */
export type EvidenceSink = {
  readonly name: string;
  readonly classes?: readonly EvidenceClass[];
  /** Paths of requests are told as they were, not by their shape. */
  readonly wholePaths?: boolean;
} & (
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Size at which it is rotated, in bytes. */
      readonly rotateBytes: number;
      /** Rotated files that are kept. */
      readonly keep: number;
    }
  | { readonly kind: 'stdout' }
  | {
      /** RFC 5424 over TLS (RFC 5425). */
      readonly kind: 'syslog';
      readonly address: string;
      readonly port: number;
      /** Name that the server's certificate must carry. */
      readonly serverName: string;
      /** PEM; the system's CAs where absent. */
      readonly caFile?: string;
    }
  | {
      readonly kind: 'http';
      /** `https:`, or `http:` to a loopback address. */
      readonly url: string;
      readonly caFile?: string;
      /** Holds the value of the Authorization header; read again for each batch. */
      readonly authorizationFile?: string;
    }
);

export interface TracingRules {
  /** Where sidecars send spans: OTLP over gRPC and TLS. */
  readonly collector: { readonly address: string; readonly port: number; readonly serverName: string };
  /** Share of the requests that arrive without a trace of their own, in percent. */
  readonly samplePercent: number;
}

const dayMs = 86_400_000;

export const defaultEvidenceRules: EvidenceRules = {
  retention: { traffic: 7 * dayMs, security: 90 * dayMs, operations: 30 * dayMs, audit: 400 * dayMs },
  samplePercent: 1,
  sinks: [],
};
