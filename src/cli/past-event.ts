/**
 * A refusal that is kept as evidence, as `explain` looks at it again.
 *
 * Where nothing was proved there is nobody to judge: a claimed name is told, and never asked about.
 */
import type { EvidenceEvent, Peer, Target } from '../evidence/event.ts';
import type { Question } from '../policy/explain.ts';
import { eventLine } from './event-text.ts';
import type { PastDecision } from './find-decision.ts';

/** @returns undefined of an event that is no refusal and no request. */
export function pastOfEvent(event: EvidenceEvent): PastDecision | undefined {
  const { decision, id, atMs, revision } = event;
  const past = {
    id: decision ?? id,
    time: new Date(atMs).toISOString(),
    ...(revision === undefined ? {} : { revision }),
  };
  switch (event.kind) {
    case 'denial': {
      const { verdict, by, reason, rule, from, to, request } = event;
      const told = rule === undefined ? reason : `${reason} (${rule})`;
      const source = by === 'worker' ? 'worker' : 'sidecar';
      return { ...past, source, verdict, reason: told, ...asked(from, to, request) };
    }
    case 'request':
      return {
        ...past,
        source: 'sidecar',
        verdict: 'allow',
        reason: 'allowed',
        ...asked(event.from, event.to, event.request),
      };
    case 'undeclared-port':
      return {
        ...past,
        source: 'sidecar',
        verdict: 'deny',
        reason: event.kind,
        ...asked(event.from, event.to, undefined),
      };
    case 'plaintext-attempt':
    case 'handshake-failure':
      return { ...past, source: 'sidecar', verdict: 'deny', reason: `${event.kind}: ${eventLine(event).told}` };
    default:
      return undefined;
  }
}

function asked(
  from: Peer,
  to: Target,
  request: { readonly method: string; readonly path: string } | undefined,
): { readonly question?: Question } {
  const [, address, port] = /^\[?([0-9a-fA-F:.]+?)\]?:(\d{1,5})$/.exec(to.address ?? '') ?? [];
  if (from.identity === undefined || address === undefined) return {};
  const question: Question = { from: from.identity, to: { kind: 'address', address, port: to.port ?? Number(port) } };
  return {
    question:
      request === undefined ? question : { ...question, request: { method: request.method, path: request.path } },
  };
}
