/**
 * What happened, as one union: everything that drills, decisions, post-mortems and a SIEM are told, they are told as this.
 *
 *   access log, xDS, loop, drills, doors, detectors ──▶ EvidenceEvent ──▶ store ──▶ queries, sinks, reports
 *
 * An event is plain JSON, small, and holds no body, no query string, no header's value and no secret. Texts that a peer
 * chose (paths, host names, SNI) are cut, and are data: whoever prints them escapes them.
 */

export type EvidenceEvent =
  | DenialEvent
  | RequestEvent
  | PlaintextAttempt
  | HandshakeFailure
  | UndeclaredPort
  | BreakerOverflow
  | EjectionEvent
  | CertificateEvent
  | PublicationEvent
  | PushEvent
  | AckEvent
  | NackEvent
  | ProblemEvent
  | DrillEvent
  | HumanAction
  | QuarantineEvent
  | DetectorEvent
  | StoreEvent
  | LossEvent;

export type EventKind = EvidenceEvent['kind'];

export interface EventCommon {
  /** Unique, at most 64 characters: what happened once and is told twice is one event. */
  readonly id: string;
  /** Epoch ms, of the control plane's clock; of what a proxy logged, of the proxy's as far as that can be. */
  readonly atMs: number;
  /** Whose event it is, and who may read it; `coffre-system` for what is the mesh's own. */
  readonly tenant: string;
  /** `namespace/name` of the workload whose proxy saw it. */
  readonly workload?: string;
  /** Of the mesh, or of the policies, under which it happened. */
  readonly revision?: string;
  readonly decision?: string;
  /** W3C trace id, 32 hexadecimal digits. */
  readonly trace?: string;
}

/** Who was at the other end. */
export interface Peer {
  /** SPIFFE ID that the handshake proved. */
  readonly identity?: string;
  /** SPIFFE ID in a certificate that nobody verified: a claim, never an identity. */
  readonly claimed?: string;
  /** `address:port`, as the proxy saw it. */
  readonly address?: string;
  /** `namespace/name`, where the address is that of a workload of the mesh. */
  readonly workload?: string;
}

export interface Target {
  /** `address:port` that was dialled. */
  readonly address?: string;
  /** `namespace/name` of the workload that was reached, or would have been. */
  readonly workload?: string;
  /** `namespace/name` of the service whose address and port were dialled, where the caller's proxy knows no way there. */
  readonly service?: string;
  /** Port of the application, or of the service where that is all that is known. */
  readonly port?: number;
  /** Envoy's cluster, at the caller's side. */
  readonly cluster?: string;
}

export interface RecordedRequest {
  readonly host: string;
  readonly method: string;
  /** Without query, at most 1,024 characters. */
  readonly path: string;
  /** HTTP status that the caller was answered; 0 where there was no answer. */
  readonly status: number;
}

/** A request or a connection was turned away by rule. */
export interface DenialEvent extends EventCommon {
  readonly kind: 'denial';
  /** `unavailable`: nobody could judge it, so it was refused. */
  readonly verdict: 'deny' | 'unavailable';
  readonly from: Peer;
  readonly to: Target;
  /** Absent of a connection. */
  readonly request?: RecordedRequest;
  /** Who said no: the proxy's own rules, or an authorization worker that it asked. */
  readonly by: 'proxy' | 'worker';
  /** A code, such as `no-allow-rule`; Envoy's response code details where it is none of ours. */
  readonly reason: string;
  /** Name of the rule that said no, where one did. */
  readonly rule?: string;
}

/** A request that was allowed: one of many, taken as a sample. */
export interface RequestEvent extends EventCommon {
  readonly kind: 'request';
  readonly verdict: 'allow';
  readonly from: Peer;
  readonly to: Target;
  readonly request: RecordedRequest;
  readonly durationMs: number;
  /** How many requests this one stands for. */
  readonly standsFor: number;
}

/** Bytes that are not TLS, or none at all, where only TLS is spoken. */
export interface PlaintextAttempt extends EventCommon {
  readonly kind: 'plaintext-attempt';
  readonly from: Peer;
  readonly to: Target;
  /** True where the caller said nothing until it was closed. */
  readonly silent: boolean;
}

export interface HandshakeFailure extends EventCommon {
  readonly kind: 'handshake-failure';
  /** Has no `identity`: nothing was proved. */
  readonly from: Peer;
  readonly to: Target;
  readonly sni: string;
  /** As Envoy tells it. */
  readonly reason: string;
}

/** Somebody dialled what nothing is declared for. */
export interface UndeclaredPort extends EventCommon {
  readonly kind: 'undeclared-port';
  /** `inbound`: at the destination; `outbound`: stopped at the caller, and `from` is the caller itself. */
  readonly direction: 'inbound' | 'outbound';
  readonly from: Peer;
  readonly to: Target;
}

/** A caller's breaker turned a request or connection away, or the destination could not be had. */
export interface BreakerOverflow extends EventCommon {
  readonly kind: 'breaker-overflow';
  readonly from: Peer;
  readonly to: Target;
  /** Envoy's response flags, sorted, such as `UO`. */
  readonly flags: readonly string[];
  readonly request?: RecordedRequest;
}

/** An endpoint was taken out of a caller's load balancing, or came back. */
export interface EjectionEvent extends EventCommon {
  readonly kind: 'ejection';
  readonly what: 'ejected' | 'returned';
  /** The caller whose proxy did it. */
  readonly from: Peer;
  readonly to: Target;
}

export interface CertificateEvent extends EventCommon {
  readonly kind: 'certificate';
  readonly what: 'issued' | 'renewed' | 'failed' | 'rotation-began' | 'rotation-ended' | 'rotation-aborted';
  /** SPIFFE ID, or the name of the CA. */
  readonly subject: string;
  /** Hexadecimal; absent where there is none. */
  readonly serial?: string;
  /** Epoch ms. */
  readonly notAfterMs?: number;
  readonly detail?: string;
}

/** A new revision of the mesh is in force. */
export interface PublicationEvent extends EventCommon {
  readonly kind: 'publication';
  readonly proxies: number;
  /** Workloads that keep what they have, the first hundred. */
  readonly withheld: readonly string[];
  readonly withheldCount?: number;
  /** Objects that came, changed or went, as `changed Kind namespace/name (file:line)`; the first hundred. */
  readonly objects: readonly string[];
  readonly objectCount: number;
}

/** Configuration of one type went to proxies of one tenant: those of one moment are one event. */
export interface PushEvent extends EventCommon {
  readonly kind: 'push';
  readonly typeUrl: string;
  /** Workload keys, the first twenty. */
  readonly proxies: readonly string[];
  readonly proxyCount: number;
  readonly resources: number;
  readonly removed: number;
  readonly bytes: number;
}

export interface AckEvent extends EventCommon {
  readonly kind: 'ack';
  readonly typeUrl: string;
  readonly proxies: readonly string[];
  readonly proxyCount: number;
}

export interface NackEvent extends EventCommon {
  readonly kind: 'nack';
  readonly typeUrl: string;
  readonly resources: readonly string[];
  /** As the proxy wrote it. */
  readonly message: string;
}

export interface ProblemEvent extends EventCommon {
  readonly kind: 'problem';
  readonly what: 'appeared' | 'solved';
  readonly code: string;
  /** As in log, status and command line, with file and line. */
  readonly text: string;
}

/** One record of a drill's journal, or of the lever of all drills. */
export interface DrillEvent extends EventCommon {
  readonly kind: 'drill';
  /** Key of the drill, or another name that is no key. */
  readonly stream: string;
  /** From 1, without gaps, in its stream. */
  readonly sequence: number;
  /** JSON: what the run book reads again. */
  readonly body: string;
}

/** Somebody did, or tried, something at a door. */
export interface HumanAction extends EventCommon {
  readonly kind: 'human-action';
  /** Pseudonym of the person; see people/person-seal.ts. `owner` is whoever holds the state folder. */
  readonly person: string;
  readonly method: string;
  /** What it was about, such as a drill's key. */
  readonly about: string;
  /** HTTP status of the answer. */
  readonly status: number;
}

/** An identity was cut off every peer, or is back; or somebody asked for it and was told no. */
export interface QuarantineEvent extends EventCommon {
  readonly kind: 'quarantine';
  /** `ended`: by its own end, `released`: by a person. */
  readonly act: 'begun' | 'ended' | 'released' | 'refused';
  /** SPIFFE ID; of what was refused, whatever was asked for. */
  readonly identity: string;
  /** Pseudonym of who asked; absent of what ended by itself. */
  readonly person?: string;
  /** Why it was asked for; of what was refused, why not. */
  readonly reason: string;
  /** Epoch ms of its end; absent of what was refused. */
  readonly quarantinedUntilMs?: number;
}

/** Events that mean something together. */
export interface DetectorEvent extends EventCommon {
  readonly kind: 'detector';
  readonly detector: string;
  /** SPIFFE ID, workload key or address that it is about; never a claimed identity. */
  readonly about: string;
  readonly severity: 'notice' | 'warning' | 'critical';
  /** In plain words. */
  readonly text: string;
  /** Ids of events that it is drawn from, the first ten. */
  readonly events: readonly string[];
  readonly eventCount: number;
}

/** The store's own life: opened, cut, pruned, read-only, key of a tenant destroyed. */
export interface StoreEvent extends EventCommon {
  readonly kind: 'store';
  readonly what: 'opened' | 'tail-cut' | 'pruned' | 'key-destroyed' | 'gap';
  readonly text: string;
  /** Of `pruned`: the class, and the epoch ms before which its bodies went. */
  readonly pruned?: { readonly class: RetentionClass; readonly beforeMs: number; readonly records: number };
}

/** What could not be kept, counted: nothing is lost without a word. */
export interface LossEvent extends EventCommon {
  readonly kind: 'loss';
  /** Where it was lost, such as `recorder` or `proxy <name>`. */
  readonly where: string;
  readonly count: number;
  readonly why: string;
  /** The count by kind, where the kinds are known. */
  readonly kinds?: Partial<Readonly<Record<EventKind, number>>>;
}

/** How long a body is kept. `traffic` is what callers do, `security` what was refused, `operations` the rest, `audit` people and drills. */
export type RetentionClass = 'traffic' | 'security' | 'operations' | 'audit';

const classes: Readonly<Record<EventKind, RetentionClass>> = {
  request: 'traffic',
  denial: 'security',
  'plaintext-attempt': 'security',
  'handshake-failure': 'security',
  'undeclared-port': 'security',
  'breaker-overflow': 'traffic',
  ejection: 'operations',
  certificate: 'audit',
  publication: 'audit',
  push: 'operations',
  ack: 'operations',
  nack: 'operations',
  problem: 'operations',
  drill: 'audit',
  'human-action': 'audit',
  quarantine: 'audit',
  detector: 'security',
  store: 'audit',
  loss: 'audit',
};

export const eventKinds = Object.keys(classes) as readonly EventKind[];

export function retentionClassOf(kind: EventKind): RetentionClass {
  return classes[kind];
}
