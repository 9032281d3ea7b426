/**
 * One check, from the bytes of a CheckRequest to what the transport shall answer. It knows no transport.
 *
 *   bytes ──budget──▶ readCheckRequest ──▶ accessRequest ──▶ judge ──▶ answer
 *             │              └──────┬──────────┘               │
 *             ▼ unavailable         ▼ deny, undecodable        ▼ throws, or no verdict: unavailable
 *
 * There is one way to an allow, and it goes through the judge.
 */
import { type AccessRequest, accessRequest, type UndecodableReason, unknownId } from './access-request.ts';
import { allowAnswer, denyAnswer } from './answer.ts';
import { readCheckRequest } from './check-request.ts';
import type { Asker, Decision, Judge } from './judge.ts';
import { type CheckLimits, recordedPathLengthMax, verdictWaitMaxMs } from './limits.ts';
import type { DecisionRecord, Observer, RecordedRequest } from './observer.ts';
import { PeerBudgets } from './peer-budgets.ts';

export interface Clock {
  /** Epoch, in ms. */
  nowMs(): number;
  /** From any fixed point, never backwards, in µs. */
  monotonicUs(): number;
  /** @returns cancels. */
  setTimer(afterMs: number, then: () => void): () => void;
}

export interface CheckerOptions {
  readonly judge: Judge;
  readonly observer: Observer;
  readonly limits: CheckLimits;
  readonly clock: Clock;
}

export type CheckAnswer =
  /** An encoded CheckResponse. */
  | { readonly kind: 'response'; readonly bytes: Buffer }
  /** Envoy answers its caller with `status_on_error`. */
  | { readonly kind: 'unavailable'; readonly why: string };

export interface CheckPeer extends Asker {
  /** Of its span for this check, as it says beside the request and never inside it. */
  readonly traceparent?: string;
  /** Of its end of the connection; whoever shares one shares a budget. */
  readonly address: string;
}

/** At once, unless the judge has to wait; a promise of it never rejects. */
export type Checker = (message: Buffer, peer: CheckPeer) => CheckAnswer | Promise<CheckAnswer>;

export function createChecker({ judge, observer, limits, clock }: CheckerOptions): Checker {
  const budgets = new PeerBudgets(limits);

  return (message, peer) => {
    const startUs = clock.monotonicUs();
    if (!budgets.take(peer.address, startUs / 1_000)) {
      observer.shed(peer.address);
      return { kind: 'unavailable', why: 'too many checks on one connection' };
    }
    const observed = { observer, clock, startUs, traceparent: peer.traceparent };
    const read = readCheckRequest(message, limits);
    const access = read.kind === 'read' ? accessRequest(read.fields) : undecodable(read.why);
    if (access.kind === 'undecodable') {
      const { id, why } = access;
      tell(observed, { ...timesOf(observed), id, verdict: 'undecodable', why });
      return { kind: 'response', bytes: denyAnswer(access.id) };
    }
    const { request } = access;
    const decision = decide(judge, request, peer);
    if (!(decision instanceof Promise)) return conclude(observed, request, decision);
    return inTime(decision, clock).then((found) => conclude(observed, request, found));
  };
}

/** One check, for who is told about it. */
interface Observed {
  readonly observer: Observer;
  readonly clock: Clock;
  readonly startUs: number;
  readonly traceparent: string | undefined;
}

function conclude(observed: Observed, request: AccessRequest, decision: Decision): CheckAnswer {
  tell(observed, recordOf(request, decision, timesOf(observed)));
  return answer(request.id, decision);
}

function tell({ observer, traceparent }: Observed, record: DecisionRecord): void {
  observer.decided(traceparent === undefined ? record : { ...record, traceparent });
}

type Times = Pick<DecisionRecord, 'timeMs' | 'durationUs'>;

function timesOf({ clock, startUs }: Observed): Times {
  return { timeMs: clock.nowMs(), durationUs: clock.monotonicUs() - startUs };
}

function undecodable(why: UndecodableReason) {
  return { kind: 'undecodable', id: unknownId, why } as const;
}

const verdicts: readonly unknown[] = ['allow', 'deny', 'unavailable'] satisfies Decision['kind'][];

function decide(judge: Judge, request: AccessRequest, asker: Asker): Decision | Promise<Decision> {
  try {
    const decision = judge.judge(request, asker);
    return decision instanceof Promise ? decision.then(checked, failed) : checked(decision);
  } catch (error) {
    return failed(error);
  }
}

/** A judge written without types may give nothing, or a verdict of its own. */
function checked(decision: Decision): Decision {
  return verdicts.includes(decision?.kind) ? decision : { kind: 'unavailable', why: 'the judge gave no verdict' };
}

function failed(error: unknown): Decision {
  return { kind: 'unavailable', why: `the judge failed: ${error instanceof Error ? error.message : 'unknown'}` };
}

/** @param decision never rejects. What comes after its time is dropped. */
function inTime(decision: Promise<Decision>, clock: Clock): Promise<Decision> {
  return new Promise((resolve) => {
    const late: Decision = { kind: 'unavailable', why: `the judge gave no verdict in ${verdictWaitMaxMs} ms` };
    const cancel = clock.setTimer(verdictWaitMaxMs, () => resolve(late));
    void decision.then((found) => {
      cancel();
      resolve(found);
    });
  });
}

function answer(id: string, decision: Decision): CheckAnswer {
  switch (decision.kind) {
    case 'allow':
      return { kind: 'response', bytes: allowAnswer(id, decision) };
    case 'deny':
      return { kind: 'response', bytes: denyAnswer(id, decision, decision.publicText) };
    case 'unavailable':
      return { kind: 'unavailable', why: 'no verdict can be given' };
  }
}

/** Written out, since one made of others costs as much as the judgement. */
function recordOf(request: AccessRequest, decision: Decision, { timeMs, durationUs }: Times): DecisionRecord {
  const { id } = request;
  switch (decision.kind) {
    case 'allow': {
      const { rule, revision, audited } = decision;
      const record = { id, timeMs, durationUs, request: recorded(request), verdict: 'allow', rule, revision } as const;
      return audited === undefined ? record : { ...record, audited };
    }
    case 'deny': {
      const { reason, revision } = decision;
      return { id, timeMs, durationUs, request: recorded(request), verdict: 'deny', reason, revision };
    }
    case 'unavailable':
      return { id, timeMs, durationUs, request: recorded(request), verdict: 'unavailable', why: decision.why };
  }
}

function recorded({ principal, destination, host, method, path }: AccessRequest): RecordedRequest {
  return {
    principal: principal.kind === 'uri-san' ? principal.uri : '',
    destination: `${destination.address}:${destination.port}`,
    host,
    method,
    path: path.slice(0, recordedPathLengthMax),
  };
}
