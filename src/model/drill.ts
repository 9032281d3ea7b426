/**
 * A drill: one fault on purpose, with a hypothesis, a blast radius, conditions that abort it, and an end.
 *
 *   Drill (what) + DrillConsent of target and callers (who allows it) + Mesh.drills (the house rules) ──▶ plan
 *
 * Nouns only. What a drill may touch is judged by the plan, when it is asked for and again before it starts; what it has
 * done lies in the journal. Nothing here changes a decision: a drill can write to one runtime layer and nowhere else.
 */
import type { SourceRef } from './source-ref.ts';

export interface Drill {
  /** `namespace/name`. */
  readonly key: string;
  /** The target's tenant: its namespace holds the drill. */
  readonly tenant: string;
  readonly name: string;
  /** What is believed to hold while the fault lasts. */
  readonly hypothesis: string;
  /** Risk that is exercised, and what is expected to mitigate it; empty where nobody said. */
  readonly risk: string;
  readonly mitigation: string;
  readonly target: {
    /** Service key. */
    readonly service: string;
    /** As callers dial it. */
    readonly port: number;
  };
  readonly method: DrillMethod;
  readonly radius: BlastRadius;
  /** Never empty; names are unique. */
  readonly steadyState: readonly Probe[];
  /** Never empty. Besides these, silence of a probe, the lever, a halt, withdrawn consent and the deadline always abort. */
  readonly abortOn: readonly AbortCondition[];
  /** How long the fault lasts at most, in ms. */
  readonly durationMs: number;
  /** How long is measured before the fault and after it, in ms each. */
  readonly observeMs: number;
  /** Hash of the object, as written: what was planned is what is started. */
  readonly hash: string;
  readonly where: SourceRef;
}

/**
 * `openBreaker` and `throttleBreaker` act at the callers' proxies; `abort`, `delay` and `ejectEndpoint` at the target's
 * inbound, told apart by the caller's identity, so that retries, timeouts and outlier detection of the callers act.
 */
export type DrillMethod =
  /** No request (HTTP) or new connection (TCP) gets through the callers' breaker. */
  | { readonly kind: 'openBreaker' }
  /** So many at once, and no more: requests on an HTTP port, connections on a TCP port. */
  | { readonly kind: 'throttleBreaker'; readonly limit: number }
  /** This share of the requests, in percent, is answered with this status. HTTP ports only. */
  | { readonly kind: 'abort'; readonly status: number; readonly percent: number }
  /** This share of the requests, in percent, waits that long. HTTP ports only. */
  | { readonly kind: 'delay'; readonly delayMs: number; readonly percent: number }
  /** So many endpoints of the target answer 503 to every request, until the callers eject them. HTTP ports only. */
  | { readonly kind: 'ejectEndpoint'; readonly count: number };

export type DrillMethodKind = DrillMethod['kind'];

export const drillMethodKinds: readonly DrillMethodKind[] = [
  'abort',
  'delay',
  'ejectEndpoint',
  'openBreaker',
  'throttleBreaker',
];

/** Who feels it. */
export interface BlastRadius {
  /** Never empty. */
  readonly callers: readonly {
    readonly tenant: string;
    /** Names of service accounts; empty means every caller of the tenant. */
    readonly serviceAccounts: readonly string[];
  }[];
  /** Of the callers so named, 1 to 100: of their proxies (breakers) or of their identities (the rest). The others are the control group. */
  readonly percent: number;
}

export interface Probe {
  readonly name: string;
  readonly phases: readonly ProbePhase[];
  readonly source: ProbeSource;
  /** A value below or above it is a breach; one of the two is there at least. */
  readonly tolerance: { readonly atLeast?: number; readonly atMost?: number };
  /** Between two looks, in ms. */
  readonly intervalMs: number;
  /** Without an answer for that long, in ms, the probe is silent, and silence is a breach. */
  readonly silenceMs: number;
}

export type ProbePhase = 'before' | 'during' | 'after';

export type ProbeSource =
  /** As the callers' proxies saw the drilled edge; `group` says whose. Rates are 0 to 1, latencies in ms. */
  | { readonly kind: 'traffic'; readonly metric: TrafficMetric; readonly group: ProbeGroup }
  /** A GET; `success` is 1 if the status is the expected one and 0 otherwise, `latency` in ms. */
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly expectStatus: number;
      readonly metric: 'success' | 'latency';
    }
  /** `grpc.health.v1.Health/Check`: 1 if SERVING, 0 otherwise. @see address `host:port` */
  | { readonly kind: 'grpcHealth'; readonly address: string; readonly service: string }
  /** An instant query that yields one number. */
  | { readonly kind: 'promql'; readonly query: string };

export type TrafficMetric = 'successRate' | 'errorRate' | 'requestsPerSecond' | 'overflows' | 'p50' | 'p95' | 'p99';

/** `experiment`: callers that feel the fault; `control`: callers of the same edge that do not. */
export type ProbeGroup = 'experiment' | 'control' | 'all';

export type AbortCondition =
  /** The probe leaves its tolerance while the fault lasts. */
  | { readonly kind: 'probe'; readonly probe: string }
  /** An alert of this name fires, whoever raised it. */
  | { readonly kind: 'alert'; readonly name: string };

/** What a tenant allows to be done to it, by its own written word. Without one, nothing. */
export interface DrillConsent {
  /** `namespace/name`. */
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  /** Drills that strike services of this tenant; absent: none. */
  readonly asTarget?: ConsentBounds & {
    /** Service keys, never empty. */
    readonly services: ReadonlySet<string>;
    /** Tenants whose callers may feel it, never empty. */
    readonly callerTenants: ReadonlySet<string>;
  };
  /** Drills that the callers of this tenant may feel; absent: none. */
  readonly asCaller?: ConsentBounds & {
    /** Tenants whose services may be struck, never empty. */
    readonly targetTenants: ReadonlySet<string>;
  };
  /** When; empty means at any time. */
  readonly windows: readonly DrillWindow[];
  /** Epoch ms from which the consent is dead; absent means it lives until withdrawn. */
  readonly notAfterMs?: number;
  readonly where: SourceRef;
}

export interface ConsentBounds {
  /** Never empty. */
  readonly methods: ReadonlySet<DrillMethodKind>;
  readonly maxDurationMs: number;
  /** Highest `radius.percent`. */
  readonly maxPercent: number;
}

/** Weekly, in UTC. */
export interface DrillWindow {
  /** 0 is Sunday. Never empty. */
  readonly days: ReadonlySet<number>;
  /** Minutes after midnight; `from` is inside, `to` is not, `from` < `to` <= 1440. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** The house rules, in `Mesh`. */
export interface DrillRules {
  /** The safety lever: every drill ends, none begins. */
  readonly halted: boolean;
  /** Longest fault, in ms. */
  readonly maxDurationMs: number;
  /** Most drills at a time. */
  readonly maxConcurrent: number;
  /** A radius of more than this percent, or of more callers than that, needs a second person. */
  readonly secondPersonAbove: { readonly percent: number; readonly callers: number };
  /** Tenants that no drill ever touches, beside the built-in ones. */
  readonly protectedTenants: ReadonlySet<string>;
  /** Origins (`http://10.0.0.5:9090`) and `host:port` that probes may ask; nobody else is asked. */
  readonly probeTargets: ReadonlySet<string>;
  /** Base URL of the Prometheus that PromQL probes ask; its origin is a probe target by itself. */
  readonly prometheusUrl?: string;
}

/** Tenants that no drill ever touches, whatever is written. */
export const neverDrilled: ReadonlySet<string> = new Set([
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'coffre-system',
]);

export const defaultDrillRules: DrillRules = {
  halted: false,
  maxDurationMs: 30 * 60_000,
  maxConcurrent: 4,
  secondPersonAbove: { percent: 50, callers: 20 },
  protectedTenants: new Set(),
  probeTargets: new Set(),
};
