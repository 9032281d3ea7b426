/**
 * What people ask of drills where several replicas have a door: the leader answers, whichever they come to.
 *
 *   door of a follower ──who asks, proven here──▶ leader ──▶ DrillEngine ──▶ answer, word for word
 *
 * Runs are kept where they were led, so of a drill this replica may know a newer run than the leader. Where the leader gives
 * no answer the engine here speaks: it begins nothing, and ends what is its own.
 */
import type { DrillEngine, DrillRecord, DrillView } from '../chaos/drill-engine.ts';
import { type AlertDoor, answerAlerts, answerDrillCall, type DrillAnswers, type DrillReply } from './drills.ts';
import type { DrillCall } from './drills-requests.ts';
import type { Caller } from './methods.ts';

export interface DrillQuestion {
  readonly method: DrillCall | 'alerts';
  readonly caller: Caller;
  /** JSON value from the wire. */
  readonly body: unknown;
}

export type DrillTold = DrillReply<DrillAnswers[DrillCall] | AlertDoor['answer']>;

/** @returns undefined where the leader gives no answer, or is this very control plane. */
export type AskLeader = (question: DrillQuestion) => Promise<DrillTold | undefined>;

export async function answerOfReplicas(
  engine: DrillEngine,
  askLeader: AskLeader,
  question: DrillQuestion,
): Promise<DrillTold> {
  const told = await askLeader(question);
  if (told === undefined) return answerHere(engine, question);
  switch (question.method) {
    case 'drills':
      return joined(told, await answerHere(engine, question));
    case 'drill':
      return newerOf(told, await answerHere(engine, question));
    case 'drillReport': {
      const run: DrillQuestion = { ...question, method: 'drill', body: { drill: drillOf(question.body) } };
      const [theirs, own] = [await askLeader(run), await answerHere(engine, run)];
      return theirs !== undefined && newerOf(theirs, own) === theirs ? told : answerHere(engine, question);
    }
    default:
      return told;
  }
}

/** The leader's, and of this replica what is not merely declared. */
function joined(theirs: DrillTold, own: DrillTold): DrillTold {
  if (theirs.kind !== 'ok' || own.kind !== 'ok') return theirs;
  const runs = (own.value as readonly DrillView[]).filter(({ phase }) => phase !== 'declared');
  return { kind: 'ok', value: [...(theirs.value as readonly DrillView[]), ...runs] };
}

function newerOf(theirs: DrillTold, own: DrillTold): DrillTold {
  if (own.kind !== 'ok') return theirs;
  if (theirs.kind !== 'ok') return own;
  return beganOf(own.value) > beganOf(theirs.value) ? own : theirs;
}

/** Epoch ms. */
function beganOf(record: unknown): number {
  return (record as DrillRecord).startedAtMs;
}

function drillOf(body: unknown): unknown {
  return (body as { readonly drill?: unknown } | null)?.drill;
}

export async function answerHere(engine: DrillEngine, { method, caller, body }: DrillQuestion): Promise<DrillTold> {
  return method === 'alerts' ? answerAlerts(engine, caller, body) : answerDrillCall(engine, method, caller, body);
}
