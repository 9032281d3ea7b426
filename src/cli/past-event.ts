/**
 * A refusal that is kept as evidence, as `explain` looks at it again.
 *
 * Where nothing was proved there is nobody to judge: a claimed name is told, and never asked about. Of what no rule of the
 * mesh refused (bytes that are no TLS, a request that Envoy could not read, an open breaker) it is told what that means
 * and what would mend it, since to judge it again would tell of something else.
 */
import { canonicalHost } from '../authz/canonical-host.ts';
import type { DenialEvent, EvidenceEvent, Peer, RecordedRequest, Target } from '../evidence/event.ts';
import type { Question } from '../policy/explain.ts';
import { type StatedToken, statedToken } from '../policy/stated-request.ts';
import { isReasonCode } from '../policy/tell-reason.ts';
import { readAddress } from './address-text.ts';
import { eventLine, peerText, targetText } from './event-text.ts';
import type { PastDecision } from './find-decision.ts';
import { meaningOfRefusal } from './past-meaning.ts';

/** @returns undefined of an event that is no refusal and no request. */
export function pastOfEvent(event: EvidenceEvent): PastDecision | undefined {
  const { decision, id, atMs, revision } = event;
  const past = {
    id: decision ?? id,
    ...(decision === undefined ? { isEvent: true as const } : {}),
    time: new Date(atMs).toISOString(),
    ...(revision === undefined ? {} : { revision }),
  };
  switch (event.kind) {
    case 'denial':
      return { ...past, ...pastOfDenial(event) };
    case 'request': {
      const { from, to, request } = event;
      return { ...past, source: 'sidecar', verdict: 'allow', reason: 'allowed', ...asked(from, to, request) };
    }
    case 'undeclared-port': {
      const { from, to, kind, direction } = event;
      const meaning = meaningOfRefusal({ kind: direction, from: peerText(from), to: targetText(to) });
      return { ...past, source: 'sidecar', verdict: 'deny', reason: kind, meaning, ...asked(from, to, undefined) };
    }
    case 'plaintext-attempt':
    case 'handshake-failure': {
      const reason = `${event.kind}: ${eventLine(event).told}`;
      const meaning = meaningOfRefusal({
        ...{ kind: event.kind, from: peerText(event.from), to: targetText(event.to) },
        detail: event.kind === 'handshake-failure' ? event.reason : '',
      });
      return { ...past, source: 'sidecar', verdict: 'deny', reason, meaning };
    }
    case 'breaker-overflow': {
      const { kind, flags, from, to } = event;
      const meaning = meaningOfRefusal({ kind, from: peerText(from), to: targetText(to), detail: flags.join(',') });
      return { ...past, source: 'sidecar', verdict: 'unavailable', reason: `${kind}: ${flags.join(',')}`, meaning };
    }
    default:
      return undefined;
  }
}

function pastOfDenial({
  verdict,
  by,
  reason,
  rule,
  from,
  to,
  request,
}: DenialEvent): Omit<PastDecision, 'id' | 'time'> {
  const told = {
    source: by === 'worker' ? ('worker' as const) : ('sidecar' as const),
    verdict,
    reason: rule === undefined ? reason : `${reason} (${rule})`,
  };
  if (by === 'proxy' && verdict === 'deny' && !isReasonCode(reason)) {
    const meaning = meaningOfRefusal({ kind: 'form', from: peerText(from), to: targetText(to), detail: reason });
    return { ...told, meaning };
  }
  return { ...told, ...asked(from, to, request, reason === 'token-invalid' ? badToken : undefined) };
}

/** Tokens are not kept: of this one it is known that it was not valid. */
const badToken = statedToken({ kind: 'invalid', why: 'the worker found so when it was asked' });

function asked(
  from: Peer,
  to: Target,
  request: RecordedRequest | undefined,
  token?: StatedToken,
): { readonly question?: Question } {
  const place = readAddress(to.address ?? '');
  if (from.identity === undefined || place === undefined) return {};
  const { address, port } = place;
  const question: Question = { from: from.identity, to: { kind: 'address', address, port: to.port ?? port } };
  if (request === undefined) return { question };
  const { method, path } = request;
  const host = canonicalHost(request.host);
  const more = { ...(host === undefined ? {} : { host }), ...(token === undefined ? {} : { token }) };
  return { question: { ...question, request: { method, path, ...more } } };
}
