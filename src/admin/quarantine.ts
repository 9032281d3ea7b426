/**
 * What the door answers about quarantines: a person begins and releases, a machine may begin, and everybody is told why not.
 *
 *   quarantine, quarantineAlarm ──▶ which identity? ──▶ keeper ──▶ in force ──▶ evidence
 *
 * A refusal is evidence too: an alarm that came to nothing is what a security engineer asks about first.
 */
import type { KeptStep, QuarantineKeeper } from '../controller/quarantine-keeper.io.ts';
import type { EvidenceEvent } from '../evidence/event.ts';
import { compareText } from '../model/canonical-json.ts';
import { type Quarantine, quarantineDefaultMs, quarantineMaxMs } from '../model/quarantine.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import type { Caller } from './methods.ts';
import { notReady } from './not-ready.ts';
import { ownerName, type Scope, sees } from './person.ts';
import { type FoundParty, partyNamed, partyOfEvent, standingNamed } from './quarantine-party.ts';
import { type QuarantineCall, type QuarantineRequests, readQuarantineRequest } from './quarantine-requests.ts';

export interface QuarantineDesk {
  readonly keeper: Pick<QuarantineKeeper, 'standing' | 'begin' | 'hear' | 'release'>;
  nowMs(): number;
  snapshot(): Snapshot | undefined;
  /** Events that have this id, of a tenant where one is given; undefined where nobody could look. */
  eventsNamed(id: string, tenant: string | undefined): Promise<readonly EvidenceEvent[] | undefined>;
  /** Evidence. Must not throw. */
  told(act: 'begun' | 'released' | 'refused', about: ToldQuarantine, by: string): void;
}

/** Of a refusal, whatever was asked for, and why not. */
export type ToldQuarantine = Pick<Quarantine, 'spiffeId' | 'tenant' | 'reason'> & Partial<Pick<Quarantine, 'untilMs'>>;

export interface Begun {
  /** Absent where this alarm was heard before, and what it began is over. */
  readonly quarantine?: Quarantine;
  /** False where nothing changed by this call. */
  readonly begun: boolean;
  /** It is in force, and a restart would forget it. */
  readonly unwritten?: true;
}

export interface QuarantineAnswers {
  quarantine: Begun;
  quarantineAlarm: Begun;
  quarantineRelease: { readonly released: Quarantine };
  /** Sorted by identity. */
  quarantines: readonly Quarantine[];
}

export type QuarantineReply =
  | { readonly kind: 'ok'; readonly value: QuarantineAnswers[QuarantineCall] }
  | {
      readonly kind: 'bad-request' | 'not-found' | 'refused' | 'not-ready' | 'store';
      readonly message: string;
      readonly advice: string;
    };

/** @param body JSON value from the wire. */
export async function answerQuarantineCall(
  desk: QuarantineDesk,
  call: QuarantineCall,
  caller: Caller,
  scope: Scope,
  body: unknown,
): Promise<QuarantineReply> {
  const snapshot = desk.snapshot();
  if (snapshot === undefined) return notReady;
  const asked: Asked = { desk, snapshot, scope, by: nameOf(caller) };
  const read = readQuarantineRequest(call, body);
  if (read.kind !== 'ok') return read;
  switch (call) {
    case 'quarantine':
      return begin(asked, read.value as QuarantineRequests['quarantine']);
    case 'quarantineAlarm':
      return hear(asked, read.value as QuarantineRequests['quarantineAlarm']);
    case 'quarantineRelease':
      return release(asked, read.value as QuarantineRequests['quarantineRelease']);
    case 'quarantines':
      return {
        kind: 'ok',
        value: desk.keeper
          .standing()
          .filter(({ tenant }) => sees(scope, tenant))
          .toSorted((left, right) => compareText(left.spiffeId, right.spiffeId)),
      };
  }
}

interface Asked {
  readonly desk: QuarantineDesk;
  readonly snapshot: Snapshot;
  readonly scope: Scope;
  readonly by: string;
}

async function begin(
  asked: Asked,
  { workload, reason, untilMs }: QuarantineRequests['quarantine'],
): Promise<QuarantineReply> {
  const { desk, snapshot, scope, by } = asked;
  const sinceMs = desk.nowMs();
  const endMs = untilMs ?? sinceMs + quarantineDefaultMs;
  if (endMs <= sinceMs || endMs > sinceMs + quarantineMaxMs) return refuse(asked, workload, badEnd);
  const found = partyNamed(snapshot, scope, workload);
  if (found.kind !== 'party') return refuse(asked, workload, found);
  return tell(asked, workload, await desk.keeper.begin({ ...found.party, reason, by, sinceMs, untilMs: endMs }));
}

async function hear(asked: Asked, request: QuarantineRequests['quarantineAlarm']): Promise<QuarantineReply> {
  const { desk, by } = asked;
  const { alarm, at, workload, event, reason, minutes } = request;
  const about = workload ?? event ?? '';
  const found = await partyOfAlarm(asked, request);
  if (found.kind !== 'party') return refuse(asked, about, found);
  const sinceMs = desk.nowMs();
  const untilMs = sinceMs + (minutes === undefined ? quarantineDefaultMs : minutes * 60_000);
  const heard = { id: `${by} ${alarm}`, atMs: Date.parse(at) };
  return tell(asked, about, await desk.keeper.hear(heard, { ...found.party, reason, by, sinceMs, untilMs }));
}

async function partyOfAlarm(
  { desk, snapshot, scope }: Asked,
  { at, workload, event }: QuarantineRequests['quarantineAlarm'],
): Promise<FoundParty> {
  if (Number.isNaN(Date.parse(at))) return noMoment;
  const named = workload === undefined ? undefined : partyNamed(snapshot, scope, workload);
  if (event === undefined) return named ?? nobodyNamed;
  if (named !== undefined && named.kind !== 'party') return named;
  const events = await desk.eventsNamed(event, scope.kind === 'tenant' ? scope.tenant : undefined);
  if (events === undefined || events.length === 0) return noEvent(event);
  return partyOfEvent(snapshot, scope, events, named?.party);
}

async function release(
  { desk, snapshot, scope, by }: Asked,
  { workload }: QuarantineRequests['quarantineRelease'],
): Promise<QuarantineReply> {
  const party = standingNamed(snapshot, scope, workload, desk.keeper.standing());
  const step = party === undefined ? ({ kind: 'none' } as const) : await desk.keeper.release(party.spiffeId);
  switch (step.kind) {
    case 'released':
      desk.told('released', step.quarantine, by);
      return { kind: 'ok', value: { released: step.quarantine } };
    case 'none':
      return {
        kind: 'not-found',
        message: `\`${workload}\` is under no quarantine that you may release`,
        advice: '`coffre quarantine --list` shows those that stand',
      };
    case 'unwritten':
      return {
        kind: 'store',
        message: 'the release could not be written, so the quarantine stands',
        advice: 'see that the state folder can be written, and ask again',
      };
  }
}

function tell(asked: Asked, about: string, step: KeptStep): QuarantineReply {
  switch (step.kind) {
    case 'begun': {
      const { quarantine, unwritten } = step;
      asked.desk.told('begun', quarantine, asked.by);
      return { kind: 'ok', value: { quarantine, begun: true, ...(unwritten ? { unwritten } : {}) } };
    }
    case 'nothing-new': {
      const { quarantine } = step;
      return { kind: 'ok', value: { begun: false, ...(quarantine === undefined ? {} : { quarantine }) } };
    }
    case 'refused':
      return refuse(asked, about, { kind: 'refused', message: step.message, advice: step.advice });
  }
}

function refuse(
  { desk, scope, by }: Asked,
  about: string,
  refusal: Exclude<FoundParty, { kind: 'party' }>,
): QuarantineReply {
  const tenant = scope.kind === 'tenant' ? scope.tenant : systemNamespace;
  desk.told('refused', { spiffeId: about, tenant, reason: refusal.message }, by);
  return refusal;
}

function nameOf(caller: Caller): string {
  return caller.kind === 'owner' ? ownerName : caller.person.name;
}

const badEnd: FoundParty & { kind: 'refused' } = {
  kind: 'refused',
  message: `a quarantine ends, and not later than ${quarantineMaxMs / 86_400_000} days from now`,
  advice: 'give a later moment than now within that; what is to be gone for good is taken out of the mesh',
};

const noMoment: FoundParty = {
  kind: 'refused',
  message: 'the moment of the alarm is none',
  advice: 'write `at` in RFC 3339, as `2027-01-31T18:00:00Z`',
};

const nobodyNamed: FoundParty = {
  kind: 'refused',
  message: 'the alarm names nobody',
  advice: 'give `workload`, or the `event` of our evidence that it stands on',
};

function noEvent(id: string): FoundParty {
  return {
    kind: 'refused',
    message: `no event \`${id}\` is kept that you may see`,
    advice: 'give its id as `coffre events` and the sinks tell it, or leave `event` out and name the `workload`',
  };
}
