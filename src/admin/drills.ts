/**
 * What the door answers about drills: reads the body, says who asks, keeps to the scope, and passes it on.
 *
 *   body ──▶ request ──inside the scope?──▶ DrillEngine, as Actor ──▶ answer
 *
 * The engine judges again what an actor may do; here it is only made sure that nobody hears of another tenant's drill,
 * unless the engine says that the actor's tenant feels it: then it is shown what concerns itself, and may end it.
 * A drill outside the scope and one that is nowhere are answered with the same words, whichever of the two judges
 * found it so. A replayed start is harmless: it names one plan, and of two starts of a plan the engine lets one win.
 */
import type {
  Actor,
  DrillAnswer,
  DrillEngine,
  DrillRecord,
  DrillView,
  PlanView,
  SignedReport,
} from '../chaos/drill-engine.ts';
import { type AlertsRequest, readAlerts } from './drills-alerts.ts';
import { type DrillCall, type DrillRequests, readDrillRequest } from './drills-requests.ts';
import type { Caller } from './methods.ts';
import { ownerName } from './person.ts';
import type { ReadBody } from './request-reader.ts';

export interface DrillAnswers {
  drillPlan: PlanView;
  drillApprove: DrillView;
  drillStart: DrillView;
  drillHalt: DrillView;
  drillHaltAll: readonly DrillView[];
  drillRelease: { readonly released: true };
  drills: readonly DrillView[];
  drill: DrillRecord;
  drillReport: SignedReport;
}

export interface AlertDoor {
  request: AlertsRequest;
  answer: { readonly taken: number };
}

export type DrillReply<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  | {
      readonly kind: 'bad-request' | 'not-found' | 'refused' | 'conflict' | 'store';
      readonly message: string;
      readonly advice: string;
    };

/** @param body JSON value from the wire. */
export async function answerDrillCall(
  engine: DrillEngine,
  call: DrillCall,
  caller: Caller,
  body: unknown,
): Promise<DrillReply<DrillAnswers[DrillCall]>> {
  const by = actorOf(caller);
  const inScope = async <Name extends DrillCall & WithDrill>(
    name: Name,
    act: (request: DrillRequests[Name]) => DrillAnswer<DrillAnswers[Name]> | Promise<DrillAnswer<DrillAnswers[Name]>>,
  ): Promise<DrillReply<DrillAnswers[Name]>> => {
    const read = readDrillRequest(name, body);
    if (read.kind !== 'ok') return read;
    const { drill } = read.value;
    const isOwn = reaches(by, drill.slice(0, drill.indexOf('/')));
    if (!isOwn && !(forWhoeverFeelsIt.has(name) && feels(by, engine.show(drill, by)))) return absent(drill);
    const told = await act(read.value);
    return told.kind === 'not-found' ? absent(drill) : told;
  };
  switch (call) {
    case 'drillPlan':
      return inScope(call, ({ drill }) => engine.plan(drill, by));
    case 'drillApprove':
      return inScope(call, ({ drill, planHash }) => engine.approve(drill, planHash, by));
    case 'drillStart':
      return inScope(call, ({ drill, planHash }) => engine.start(drill, planHash, by));
    case 'drillHalt':
      return inScope(call, ({ drill, reason }) => engine.halt(drill, by, reason));
    case 'drill':
      return inScope(call, ({ drill }) => engine.show(drill, by));
    case 'drillReport':
      return inScope(call, ({ drill, form, language }) => engine.report(drill, by, form, language));
    case 'drillHaltAll':
      return then(readDrillRequest(call, body), ({ reason }) => engine.haltAll(by, reason));
    case 'drillRelease':
      return then(readDrillRequest(call, body), () => engine.release(by));
    case 'drills':
      return then(readDrillRequest(call, body), () => ({
        kind: 'ok',
        value: engine.list(by).filter((view) => reaches(by, view.tenant) || isBounded(view, by)),
      }));
  }
}

const forWhoeverFeelsIt: ReadonlySet<DrillCall> = new Set<DrillCall>(['drill', 'drillReport', 'drillHalt']);

function feels(by: Actor, shown: DrillAnswer<DrillRecord>): boolean {
  return shown.kind === 'ok' && isBounded(shown.value, by);
}

function isBounded({ boundedTo }: DrillView, { tenant }: Actor): boolean {
  return boundedTo !== undefined && boundedTo === tenant;
}

type WithDrill = { [Name in DrillCall]: DrillRequests[Name] extends { drill: string } ? Name : never }[DrillCall];

/** Every alert is passed on, or none. */
export function answerAlerts(engine: DrillEngine, caller: Caller, body: unknown): DrillReply<AlertDoor['answer']> {
  const read = readAlerts(body, actorOf(caller).tenant);
  if (read.kind !== 'ok') return read;
  for (const alert of read.value) engine.alert(alert);
  return { kind: 'ok', value: { taken: read.value.length } };
}

/** The name stands in the journal exactly as the certificate says it, and is what tells a second person from the first. */
export function actorOf(caller: Caller): Actor {
  if (caller.kind === 'owner') return { name: ownerName, tenant: undefined, mayStrike: true };
  const { name, role, scope } = caller.person;
  return { name, tenant: scope.kind === 'mesh' ? undefined : scope.tenant, mayStrike: role === 'game-master' };
}

function reaches(by: Actor, tenant: string): boolean {
  return by.tenant === undefined || by.tenant === tenant;
}

async function then<Request, Value>(
  read: ReadBody<Request>,
  act: (request: Request) => DrillAnswer<Value> | Promise<DrillAnswer<Value>>,
): Promise<DrillReply<Value>> {
  return read.kind === 'ok' ? act(read.value) : read;
}

function absent(drill: string) {
  return {
    kind: 'not-found',
    message: `there is no drill \`${drill}\``,
    advice: '`coffre drill list` shows the drills that you may see',
  } as const;
}
