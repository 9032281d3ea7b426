/**
 * What the drill engine asks of its host. It knows no stream, no socket and no admin address.
 *
 *   layers ──▶ proxies ──▶ ledger (accepted, refused: told to the engine)
 *                     └──▶ eyes (what a proxy really holds)
 */
import type { Probe } from '../model/drill.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { ProxyTraffic, TimelineEntry } from './drill-engine.ts';
import type { Journal } from './journal.ts';
import type { LeverRecord } from './lever.ts';
import type { ConnectedProxy } from './plan.ts';
import type { Refusal } from './refusal.ts';
import type { Happenings } from './report/happening.ts';

/** Life of a layer that nobody renews, in ms: the dead man's switch in every proxy. Source: design of drills; measured on Envoy. */
export const layerTtlMs = 10_000;

export interface DrillPorts {
  readonly clock: DrillClock;
  /** Newest; undefined until the mesh has been read. */
  snapshot(): Snapshot | undefined;
  /** Why no fault may begin or go on from here, such as that another process commands; undefined where this one does. */
  outranked(): Refusal | undefined;
  /** Those that hold an ADS stream now, by workload key. */
  connected(): ReadonlyMap<string, ConnectedProxy>;
  readonly layers: DrillLayers;
  readonly eyes: ProxyEyes;
  readonly probes: DrillProbes;
  readonly journal: Journal;
  readonly evidence: ReportEvidence;
  /** Must not throw. */
  observe(event: DrillEvent): void;
}

/** Where a report finds what else happened, and what it is signed with. */
export interface ReportEvidence {
  /** A rejection means that nothing could be read. */
  happenings(wanted: WantedHappenings): Promise<Happenings>;
  /** Newest of the chain, as `replica:position:hash`; undefined while there is none. */
  head(): string | undefined;
  /** @returns Ed25519 over exactly these bytes, base64. */
  sign(bytes: Uint8Array): string;
}

export interface WantedHappenings {
  /** Epoch ms, inclusive. */
  readonly fromMs: number;
  /** Epoch ms, exclusive. */
  readonly untilMs: number;
  /** Whose, and nobody else's. */
  readonly tenants: readonly string[];
  /** Also what is nobody's, but the mesh's own. */
  readonly ofMesh: boolean;
  /** The drilled edge: the clusters by which its callers call it, and the workloads behind it. */
  readonly clusters: ReadonlySet<string>;
  readonly endpoints: ReadonlySet<string>;
  /** `tenant/serviceAccount` of each caller's proxy. */
  readonly accounts: ReadonlyMap<string, string>;
}

export interface DrillClock {
  /** Epoch ms, for records and for windows of consent. It may leap. */
  nowMs(): number;
  /** Ms since some moment; never goes back, and no one can set it. Every duration is measured by it. */
  monotonicMs(): number;
  /** @returns cancels the timer; may be called twice. */
  setTimer(afterMs: number, run: () => void): () => void;
}

/** Both return at once and send without waiting; what came of it is told by `accepted` and `refused`, or seen. */
export interface DrillLayers {
  /** Lays exactly these settings over the proxy's drill layer, with `layerTtlMs`, renewed until lifted. */
  lay(proxy: string, settings: ReadonlyMap<string, number>): void;
  /** Gives the proxy its empty layer back, and renews nothing. */
  lift(proxy: string): void;
}

/** Both undefined where the proxy cannot be reached; a rejection means the same. */
export interface ProxyEyes {
  /** Keys and values of its drill layer. */
  runtime(proxy: string, signal: AbortSignal): Promise<ReadonlyMap<string, number> | undefined>;
  /** Each resource that it holds, as `<type URL>/<name>`, or with ` (warming)` behind, and a digest of it; without timestamps and secrets. */
  config(proxy: string, signal: AbortSignal): Promise<ReadonlyMap<string, string> | undefined>;
}

export interface DrillProbes {
  /** @returns undefined where there is no answer. A rejection means the same. */
  read(probe: Probe, edge: ProbedEdge, signal: AbortSignal): Promise<number | undefined>;
  /** A phase begins: from now on the proxies are to report on the edge, though no probe of it may ask for that yet. */
  watch(edge: ProbedEdge): void;
  /** Turned away by the callers' breakers since `edge.sinceMs`; undefined while nobody has reported. */
  overflows(edge: ProbedEdge): number | undefined;
  /** What each caller's proxy has told of the edge since `edge.sinceMs`, sorted by proxy; those that told nothing are not there. */
  traffic(edge: ProbedEdge): readonly ProxyTraffic[];
}

export interface ProbedEdge {
  readonly drill: string;
  /** As the callers' proxies call it. */
  readonly clusters: readonly string[];
  /** Callers' proxies that feel the fault, and those that do not. */
  readonly experiment: readonly string[];
  readonly control: readonly string[];
  /** Epoch ms at which the phase under way began: what came before is no part of it. */
  readonly sinceMs: number;
}

/** For log and metrics. */
export type DrillEvent =
  | { readonly kind: 'told'; readonly drill: string; readonly entry: TimelineEntry }
  | { readonly kind: 'store-failed'; readonly message: string }
  /** Somebody moved the safety lever here. */
  | { readonly kind: 'lever'; readonly lever: LeverRecord }
  /** Something of ours threw; the watchdog ends what depends on it. */
  | { readonly kind: 'stumbled'; readonly drill: string; readonly cause: unknown };
