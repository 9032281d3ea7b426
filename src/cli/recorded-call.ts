/**
 * An event of the evidence as a call that can be judged again, or why it cannot.
 *
 * What no policy decided is no policy's to change: a handshake that proved nobody, a request refused for its form. What
 * was stopped at the caller for want of a way is kept with the service that was dialled: a grant would have opened it.
 */
import { canonicalHost } from '../authz/canonical-host.ts';
import { pathLengthMax } from '../evidence/access-log/url-parts.ts';
import type { DenialEvent, EvidenceEvent, RecordedRequest, RequestEvent, UndeclaredPort } from '../evidence/event.ts';
import type { DenyReason } from '../policy/decide.ts';
import { isReasonCode } from '../policy/tell-reason.ts';
import type { RecordedCall, RecordedHttp } from '../proof/recorded-call.ts';

export type ReadRecord =
  | { readonly kind: 'call'; readonly call: RecordedCall }
  | { readonly kind: 'not-replayed'; readonly why: NotReplayed };

export type NotReplayed =
  /** Plaintext, a failed handshake, a caller without a name. */
  | 'nobody-proved'
  /** Refused before any rule was asked. */
  | 'form'
  /** Nothing is declared for what was dialled. */
  | 'undeclared';

/** Kinds of events that are worth asking for. */
export const replayedKinds = [
  'denial',
  'request',
  'undeclared-port',
  'plaintext-attempt',
  'handshake-failure',
] as const satisfies readonly EvidenceEvent['kind'][];

type Replayed = Extract<EvidenceEvent, { readonly kind: (typeof replayedKinds)[number] }>;

export function isReplayed(event: EvidenceEvent): event is Replayed {
  return replayedKinds.some((kind) => kind === event.kind);
}

export function readRecordedCall(event: Replayed): ReadRecord {
  switch (event.kind) {
    case 'denial':
      return isPolicys(event) ? callOf(event, event.verdict, event.reason, 1) : { kind: 'not-replayed', why: 'form' };
    case 'request':
      return callOf(event, 'allow', 'allowed', event.standsFor);
    case 'undeclared-port':
      return stoppedAtCaller(event);
    case 'plaintext-attempt':
    case 'handshake-failure':
      return { kind: 'not-replayed', why: 'nobody-proved' };
  }
}

/** Codes of our own, and whether a rule, a wall or a quarantine is behind; any other is a word of Envoy's about the form. */
const isOfPolicy: Readonly<Record<DenyReason['kind'], boolean>> = {
  'no-identity': true,
  quarantined: true,
  'unclean-path': false,
  'bad-host': false,
  'tenant-wall': true,
  'grant-expired': true,
  'outside-grant': true,
  'deny-rule': true,
  'token-missing': true,
  'token-invalid': true,
  'token-untold': false,
  'rule-expired': true,
  'no-allow-rule': true,
};

/** Rules of this beginning refuse a form, and nobody wrote them. */
const formRules = 'coffre/';

function isPolicys({ verdict, reason, rule = '' }: DenialEvent): boolean {
  const ours = isReasonCode(reason) && isOfPolicy[reason];
  return verdict === 'unavailable' || (ours && !rule.startsWith(formRules));
}

function callOf(
  event: DenialEvent | RequestEvent,
  verdict: RecordedCall['verdict'],
  reason: string,
  standsFor: number,
): ReadRecord {
  const { id, decision, atMs, from, to, request, revision } = event;
  if (from.identity === undefined) return { kind: 'not-replayed', why: 'nobody-proved' };
  if (to.workload === undefined || to.port === undefined) return { kind: 'not-replayed', why: 'undeclared' };
  const http = request === undefined ? undefined : httpOf(request);
  return {
    kind: 'call',
    call: {
      id: decision ?? id,
      atMs,
      caller: from.identity,
      target: { kind: 'workload', workload: to.workload, port: to.port },
      ...(http === undefined ? {} : { request: http }),
      ...(reason === 'token-missing' ? { hadNoToken: true } : {}),
      verdict,
      reason,
      ...(revision === undefined ? {} : { revision }),
      standsFor,
    },
  };
}

function stoppedAtCaller({ id, atMs, direction, from, to }: UndeclaredPort): ReadRecord {
  if (direction === 'inbound' || from.identity === undefined || to.service === undefined || to.port === undefined) {
    return { kind: 'not-replayed', why: 'undeclared' };
  }
  const target = { kind: 'service', service: to.service, port: to.port } as const;
  const call = { id, atMs, caller: from.identity, target, verdict: 'deny', reason: 'undeclared-port' } as const;
  return { kind: 'call', call: { ...call, standsFor: 1 } };
}

/** Longest path that was surely not cut, in characters: a cut takes half a surrogate pair along. */
const wholePathMax = pathLengthMax - 2;

/** @returns undefined where a path was cut, was none or was made fit to be kept, or a method has no name: it may decide. */
function httpOf({ method, path, host }: RecordedRequest): RecordedHttp | undefined {
  const isWhole = path.startsWith('/') && path.length <= wholePathMax && !path.includes('\ufffd');
  if (method === '' || !isWhole) return undefined;
  const known = canonicalHost(host);
  return { method, path, ...(known === undefined ? {} : { host: known }) };
}
