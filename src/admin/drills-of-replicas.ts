/**
 * What people ask of drills where several replicas have a door: the leader answers, whichever they come to.
 *
 *   door of a follower ──who asks, proven here──▶ leader ──▶ DrillEngine ──▶ answer, word for word
 *
 * Runs are kept where they were led, so of one that the leader has not heard of this replica may know itself. Where the
 * leader gives no answer the engine here speaks: it begins nothing, and ends what is its own.
 */
import type { DrillEngine, DrillView } from '../chaos/drill-engine.ts';
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

/** Of these a replica may know what the leader does not. */
const readings: ReadonlySet<DrillQuestion['method']> = new Set<DrillQuestion['method']>([
  'drills',
  'drill',
  'drillReport',
]);

export async function answerOfReplicas(
  engine: DrillEngine,
  askLeader: AskLeader,
  question: DrillQuestion,
): Promise<DrillTold> {
  const told = await askLeader(question);
  if (told === undefined) return answerHere(engine, question);
  if (!readings.has(question.method)) return told;
  if (question.method !== 'drills' && told.kind === 'ok') return told;
  const own = await answerHere(engine, question);
  if (told.kind !== 'ok' || own.kind !== 'ok') return told.kind === 'ok' ? told : own;
  const [theirs, ours] = [told.value as readonly DrillView[], own.value as readonly DrillView[]];
  return { kind: 'ok', value: [...theirs, ...ours.filter(({ phase }) => phase !== 'declared')] };
}

export async function answerHere(engine: DrillEngine, { method, caller, body }: DrillQuestion): Promise<DrillTold> {
  return method === 'alerts' ? answerAlerts(engine, caller, body) : answerDrillCall(engine, method, caller, body);
}
