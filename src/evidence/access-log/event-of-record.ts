/**
 * What a proxy logged, as an event: its meaning, who was on either side, and an id that is the same if it is told twice.
 *
 *   entry ──meaningOf──▶ meaning ──+ who is at these addresses──▶ EvidenceEvent
 *
 * The event is that of the tenant whose proxy logged, and that is known from its credentials. What a proxy says it can
 * only say of itself: even the id of a decision is bound to the proxy that told it, or one that was taken over could
 * tell the id of a denial first, with nothing behind it, and the store would skip the true one as a repetition.
 */

import { digest } from '../chain/digest.ts';
import type { EventCommon, EvidenceEvent, Peer, RecordedRequest, Target } from '../event.ts';
import { type AccessLogEntry, formatAddress, type SocketAddress } from './access-log-entry.ts';
import { type EvidenceLog, evidenceLogs } from './log-names.ts';
import { type EntryContext, type Meaning, meaningOf } from './meaning-of-entry.ts';
import { tenantOf } from './tenant-of.ts';

/** What is known of the mesh at this moment. */
export interface MeshDirectory {
  /** @param address without a port. @returns key of the workload that has it. */
  workloadAt(address: string): string | undefined;
  /** @param address without a port. @returns key of the service that is dialled there, by whoever may; undefined where several claim it. */
  serviceAt(address: string, port: number): string | undefined;
  spiffeIdOf(workload: string): string | undefined;
  /** Whether something is meant to be dialled at this port: a service of the application, or a door of the sidecar itself. */
  isDeclared(workload: string, port: number): boolean;
  /** Share of the healthy requests that proxies log, in percent. */
  samplePercent(): number;
}

export interface LoggedEntry extends AccessLogEntry {
  /** Key of the workload whose proxy logged it, by its credentials. */
  readonly proxy: string;
  readonly log: EvidenceLog;
  /** When it was told, in epoch ms of our own clock. */
  readonly atMs: number;
}

/**
 * Furthest a proxy's clock is followed behind the arrival of what it logged, in ms. Envoy keeps entries back for up to a
 * second, and tells them as one; what is older, or not even over, is the work of a clock that is wrong or lies.
 */
const lateMax = 5_000;

/** @returns undefined of an entry that is no evidence of anything. */
export function eventOfRecord(entry: LoggedEntry, directory: MeshDirectory): EvidenceEvent | undefined {
  const { proxy, log } = entry;
  const meaning = meaningOf(entry, contextOf(entry, directory));
  if (meaning === undefined) return undefined;
  const decision = decisionOf(entry);
  const trace = traceOf(entry.tags.get('traceparent') ?? '');
  const common = {
    id:
      decision === undefined
        ? `r:${digest([proxy, meaning.kind, ...whereAndWhen(entry)], 40)}`
        : `d:${decision}:${digest([proxy], 16)}`,
    atMs: endOf(entry),
    tenant: tenantOf(proxy),
    workload: proxy,
    ...(decision === undefined ? {} : { decision }),
    ...(trace === undefined ? {} : { trace }),
  };
  const isOutbound = evidenceLogs[log] === 'outbound';
  const to = isOutbound ? dialled(entry, directory) : reached(entry);
  const from = isOutbound ? itself(entry, directory) : caller(entry, directory, isProven(meaning));
  return assemble(meaning, entry, { ...common, from, to });
}

interface Sides extends EventCommon {
  readonly from: Peer;
  readonly to: Target;
}

function assemble(meaning: Meaning, entry: LoggedEntry, sides: Sides): EvidenceEvent | undefined {
  const request = requestOf(entry);
  switch (meaning.kind) {
    case 'denial':
      return { ...sides, ...meaning, ...(request === undefined ? {} : { request }) };
    case 'request':
      return request && { ...sides, ...meaning, verdict: 'allow', request, durationMs: entry.durationMs };
    case 'breaker-overflow':
      return { ...sides, ...meaning, flags: entry.flags, ...(request === undefined ? {} : { request }) };
    case 'handshake-failure':
      return { ...sides, ...meaning, sni: entry.sni };
    case 'plaintext-attempt':
    case 'undeclared-port':
      return { ...sides, ...meaning };
  }
}

function contextOf({ proxy, log }: LoggedEntry, directory: MeshDirectory): EntryContext {
  return {
    log,
    isDeclared: (port) => directory.isDeclared(proxy, port),
    samplePercent: directory.samplePercent(),
  };
}

/** When it was over, in epoch ms: by the proxy's clock where that can be, else when it was told. */
function endOf({ startedAt, durationMs, atMs }: LoggedEntry): number {
  const endMs = Math.floor(Number(startedAt) * 1_000 + durationMs);
  return endMs >= atMs - lateMax && endMs <= atMs ? endMs : atMs;
}

/** Rules judge only what came out of a handshake; of everything else the certificate is a claim. */
function isProven({ kind }: Meaning): boolean {
  return kind === 'denial' || kind === 'request';
}

function caller({ downstream, certificateUris }: LoggedEntry, directory: MeshDirectory, proven: boolean): Peer {
  const [uri, ...more] = certificateUris;
  // A certificate with two names is nobody's: no CA of this mesh writes one.
  const name = uri === undefined || more.length > 0 ? {} : proven ? { identity: uri } : { claimed: uri };
  return { ...name, ...placeOf(downstream, directory) };
}

/** The workload that logged, of what its own application called. */
function itself({ proxy, downstream }: LoggedEntry, directory: MeshDirectory): Peer {
  const identity = directory.spiffeIdOf(proxy);
  const address = formatAddress(downstream);
  return { ...(identity === undefined ? {} : { identity }), ...(address === '' ? {} : { address }), workload: proxy };
}

function reached({ proxy, local }: LoggedEntry): Target {
  return { ...(local === undefined ? {} : { address: formatAddress(local), port: local.port }), workload: proxy };
}

function dialled(entry: LoggedEntry, directory: MeshDirectory): Target {
  const { upstream, local, cluster } = entry;
  const address = upstream ?? local;
  // A cluster names its service already; without one, the listener had no way there.
  const service = address && cluster === '' ? directory.serviceAt(address.host, address.port) : undefined;
  return {
    ...placeOf(address, directory),
    ...(address === undefined ? {} : { port: address.port }),
    ...(service === undefined ? {} : { service }),
    ...(cluster === '' ? {} : { cluster }),
  };
}

function placeOf(address: SocketAddress | undefined, directory: MeshDirectory) {
  if (address === undefined) return {};
  const workload = directory.workloadAt(address.host);
  return { address: formatAddress(address), ...(workload === undefined ? {} : { workload }) };
}

/** Of bytes that were no HTTP Envoy writes a request without a word in it: that is none. */
function requestOf({ request, status }: LoggedEntry): RecordedRequest | undefined {
  if (request === undefined || (request.method === '' && request.path === '')) return undefined;
  return { ...request, status };
}

/** Of an inbound request its id is Envoy's own, and the one its caller was answered with; of any other it is the application's to choose. */
function decisionOf({ log, streamId }: LoggedEntry): string | undefined {
  return log === 'inbound-http' && /^[A-Za-z0-9._-]{1,44}$/.test(streamId) ? streamId : undefined;
}

/** Source: W3C Trace Context, "traceparent header field values"; an id of zeros only is none. */
function traceOf(traceparent: string): string | undefined {
  const [, trace] = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/.exec(traceparent) ?? [];
  return trace === undefined || /^0+$/.test(trace) ? undefined : trace;
}

/** To the nanosecond by the proxy's clock; the two logs that a connection may pass agree on it. */
function whereAndWhen({ startedAt, downstream, local, streamId, protocol }: LoggedEntry): readonly string[] {
  return [startedAt, formatAddress(downstream), formatAddress(local), protocol === 'http' ? streamId : ''];
}
