/**
 * What an entry of a proxy's log means, by what Envoy writes in which case: a table, log by log.
 *
 *   inbound request     refused ▶ denial                 got as far as the application ▶ request
 *   inbound connection  by rule ▶ denial                 no such port ▶ undeclared-port
 *                       no TLS ▶ plaintext-attempt       bad handshake ▶ handshake-failure
 *   outbound            breaker ▶ breaker-overflow       nothing listens there ▶ undeclared-port
 *
 * Each meaning needs proof in the entry: of a request that was allowed, that an upstream was chosen for it; whatever has
 * none means nothing here. The surprise is gRPC: a refusal there has status 200 like any answer, so the status decides
 * nothing that the response code details can. These are Envoy's own words; the application's 403 is not a denial of ours.
 */

import { quarantineRule } from '../../model/quarantine.ts';
import type { DenialEvent } from '../event.ts';
import type { AccessLogEntry } from './access-log-entry.ts';
import { type EvidenceLog, evidenceLogs } from './log-names.ts';

export type Meaning =
  | ({ readonly kind: 'denial'; readonly revision?: string } & Pick<DenialEvent, 'verdict' | 'by' | 'reason' | 'rule'>)
  | { readonly kind: 'request'; readonly standsFor: number }
  | { readonly kind: 'plaintext-attempt'; readonly silent: boolean }
  | { readonly kind: 'handshake-failure'; readonly reason: string }
  | { readonly kind: 'undeclared-port'; readonly direction: 'inbound' | 'outbound' }
  | { readonly kind: 'breaker-overflow' };

export interface EntryContext {
  readonly log: EvidenceLog;
  /** Of the workload whose proxy logged; see `MeshDirectory`. */
  isDeclared(port: number): boolean;
  /** Share of the healthy requests that are logged, in percent. */
  readonly samplePercent: number;
}

/** A fault of a drill, at the destination, acts on what was allowed. */
const faultInjected = 'FI';
/** An upstream was tried, or there was none to try: whatever came had passed every rule. */
const triedUpstream = ['UH', 'UF', 'UO', 'UC', 'UT', 'UR', 'URX', 'UPE', 'NC', 'DF'];
/** The destination could not be had. */
const couldNotBeHad = ['UO', 'UH', 'UF', 'NC', 'DF'];
/** Somebody left, waited too long or came at a bad time: nobody was refused by a rule. */
const endedOtherwise = ['DC', 'DR', 'SI', 'DT', 'OM'];
const noRoute = 'NR';
/** How Envoy ends a handshake that takes too long. */
const lateHandshake = 'transport socket timeout was reached';

const authzFilter = 'envoy.filters.http.ext_authz';
const tlsInspector = 'envoy.filters.listener.tls_inspector';

/** @returns undefined of what is nobody's business: a failure of an application, a caller who left. */
export function meaningOf(entry: AccessLogEntry, context: EntryContext): Meaning | undefined {
  if (entry.moment === 'connected') return undefined;
  if (evidenceLogs[context.log] === 'outbound') return outbound(entry);
  return entry.protocol === 'http' ? inboundRequest(entry, context) : inboundConnection(entry, context);
}

function inboundRequest(entry: AccessLogEntry, { samplePercent }: EntryContext): Meaning | undefined {
  const { details, status, grpcStatus, flags } = entry;
  const worker = entry.metadata.get(authzFilter);
  const revision = worker?.get('revision');
  const judged = revision === undefined ? {} : { revision };
  const refused = refusalBy(details);
  if (refused !== undefined) return { ...refused, ...judged };
  if (details === 'ext_authz_error') {
    return { kind: 'denial', verdict: 'unavailable', by: 'proxy', reason: details, ...judged };
  }
  if (details === 'ext_authz_denied') {
    const rule = worker?.get('rule');
    const reason = codeOf(worker?.get('reason') ?? details);
    return {
      kind: 'denial',
      verdict: 'deny',
      by: 'worker',
      reason,
      ...(rule === undefined ? {} : { rule }),
      ...judged,
    };
  }
  if (reachedUpstream(entry) || flags.includes(faultInjected)) {
    // What failed is logged each time, whatever the sample.
    const isEach = status >= 400 || (grpcStatus !== '' && grpcStatus !== '0') || samplePercent <= 0;
    return { kind: 'request', standsFor: isEach ? 1 : 100 / samplePercent };
  }
  if (status === 0 || details === '' || hasAny(entry, endedOtherwise)) return undefined;
  return { kind: 'denial', verdict: 'deny', by: 'proxy', reason: codeOf(details) };
}

function inboundConnection(entry: AccessLogEntry, { isDeclared }: EntryContext): Meaning | undefined {
  const { termination, transportFailure, flags, sni, certificateUris, local } = entry;
  const refused = refusalBy(termination);
  if (refused !== undefined) return refused;
  if (reachedUpstream(entry)) return undefined;
  if (local !== undefined && !isDeclared(local.port)) return { kind: 'undeclared-port', direction: 'inbound' };
  const isPlaintext = entry.metadata.get(tlsInspector)?.get('failure_reason') === 'ClientHelloNotDetected';
  if (isPlaintext) return { kind: 'plaintext-attempt', silent: false };
  // TLS it was: its SNI names no tenant that may call here, or its handshake went wrong.
  if (flags.includes(noRoute)) return { kind: 'handshake-failure', reason: 'filter_chain_not_found' };
  if (transportFailure !== '') return { kind: 'handshake-failure', reason: transportFailure };
  // Whatever else Envoy ends with a word about it had got through its handshake.
  if (termination !== '')
    return termination === lateHandshake ? { kind: 'handshake-failure', reason: termination } : undefined;
  if (sni !== '' || certificateUris.length > 0) return { kind: 'handshake-failure', reason: 'connection_closed' };
  return { kind: 'plaintext-attempt', silent: true };
}

function reachedUpstream(entry: AccessLogEntry): boolean {
  return entry.details === 'via_upstream' || entry.upstream !== undefined || hasAny(entry, triedUpstream);
}

function outbound(entry: AccessLogEntry): Meaning | undefined {
  if (hasAny(entry, couldNotBeHad)) return { kind: 'breaker-overflow' };
  const isNowhere = entry.protocol === 'tcp' && entry.flags.includes(noRoute);
  return isNowhere ? { kind: 'undeclared-port', direction: 'outbound' } : undefined;
}

/** Under which every port refuses what can be read in two ways, whatever its rules: no rule of an author's has such a name. */
const refusedForm = /^coffre\/([a-z-]{1,64})$/;

/** Envoy's RBAC, of requests and of connections: the policy that denied it, or that none allowed it. */
function refusalBy(text: string): Extract<Meaning, { kind: 'denial' }> | undefined {
  const [, rule] = /^rbac_access_denied_matched_policy\[([^\]]*)\]$/.exec(text) ?? [];
  if (rule === undefined) return undefined;
  if (rule === quarantineRule) return { kind: 'denial', verdict: 'deny', by: 'proxy', reason: 'quarantined' };
  const [, form] = refusedForm.exec(rule) ?? [];
  if (form !== undefined) return { kind: 'denial', verdict: 'deny', by: 'proxy', reason: form };
  return rule === 'none'
    ? { kind: 'denial', verdict: 'deny', by: 'proxy', reason: 'no-allow-rule' }
    : { kind: 'denial', verdict: 'deny', by: 'proxy', reason: 'deny-rule', rule };
}

/** The word that a text of Envoy's begins with: what stands behind it in brackets may be a peer's. */
function codeOf(text: string): string {
  return /^[A-Za-z0-9_.:-]{1,128}/.exec(text)?.[0] ?? 'unknown';
}

function hasAny({ flags }: AccessLogEntry, wanted: readonly string[]): boolean {
  return wanted.some((flag) => flags.includes(flag));
}
