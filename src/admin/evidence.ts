/**
 * What the door answers about evidence: events within the scope of who asks, oldest first behind a cursor for those who
 * follow, and what a verifier needs to know.
 *
 *   body ──▶ query, narrowed to the scope ──▶ store ──▶ events, people's names revealed to whoever may know them
 *
 * A tenant's people see their own tenant's events: a denial is told to the tenant that refused, never to the one that
 * was refused. Whoever follows asks again behind the last answer's cursor; the door holds the question back for a few
 * seconds where nothing has happened, and keeps nothing of the asker in between.
 */
import type { EvidenceEvent } from '../evidence/event.ts';
import type { KeptSignal } from '../evidence/recorder/kept-signal.ts';
import type { EvidenceStore, QueryAnswer, SignedHead, StoredEvent } from '../evidence/store.ts';
import { type EvidenceCall, type EvidenceRequests, readEvidenceRequest } from './evidence-requests.ts';
import type { Caller } from './methods.ts';
import { type Scope, sees } from './person.ts';

/** The evidence, as far as the door needs it. */
export interface EvidenceDesk {
  readonly store: Pick<EvidenceStore, 'query' | 'head' | 'publicKeyPem' | 'replica' | 'blocked'>;
  /** Name behind a person's token, or its pseudonym where the key is gone. */
  reveal(tenant: string, token: string): string;
  readonly kept: Pick<KeptSignal, 'told' | 'wait'>;
  /** Destroys the key of a tenant's pseudonyms: who its people were cannot be told any more. */
  forget(tenant: string): Promise<ForgetAnswer>;
}

export type ForgetAnswer =
  | { readonly kind: 'forgotten' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'failed'; readonly message: string };

export interface EvidenceAnswers {
  events: Extract<QueryAnswer, { readonly kind: 'events' }>;
  evidenceHead: EvidenceHead;
  evidenceForget: { readonly tenant: string };
}

export interface EvidenceHead {
  readonly replica: string;
  /** PEM. */
  readonly publicKey: string;
  /** Null before the first record. */
  readonly head: SignedHead | null;
  /** Why nothing can be written; null while it can. */
  readonly blocked: string | null;
}

export type EvidenceReply =
  | { readonly kind: 'ok'; readonly value: EvidenceAnswers[EvidenceCall] }
  | {
      readonly kind: 'bad-request' | 'not-found' | 'refused' | 'store';
      readonly message: string;
      readonly advice: string;
    };

/** @param body JSON value from the wire. */
export async function answerEvidenceCall(
  desk: EvidenceDesk,
  call: EvidenceCall,
  caller: Caller,
  scope: Scope,
  body: unknown,
): Promise<EvidenceReply> {
  const read = readEvidenceRequest(call, body);
  if (read.kind !== 'ok') return read;
  switch (call) {
    case 'events':
      return answerEvents(desk, caller, scope, read.value as EvidenceRequests['events']);
    case 'evidenceHead': {
      const { store } = desk;
      const { replica, publicKeyPem } = store;
      const value = { replica, publicKey: publicKeyPem, head: store.head() ?? null, blocked: store.blocked() ?? null };
      return { kind: 'ok', value };
    }
    case 'evidenceForget':
      return forget(desk, scope, (read.value as EvidenceRequests['evidenceForget']).tenant);
  }
}

async function answerEvents(
  desk: EvidenceDesk,
  caller: Caller,
  scope: Scope,
  { waitMs = 0, ...query }: EvidenceRequests['events'],
): Promise<EvidenceReply> {
  // What lies outside a scope looks like what is not there: another tenant's events are no events.
  if (query.tenant !== undefined && !sees(scope, query.tenant)) return { kind: 'ok', value: nothing(query.after) };
  const narrowed = scope.kind === 'tenant' ? { ...query, tenant: scope.tenant } : query;
  let seen = desk.kept.told;
  let answer = await desk.store.query(narrowed);
  // What was kept and is not asked for answers nobody: a narrow filter in a busy mesh would ask without end.
  for (let leftMs = query.after === undefined ? 0 : waitMs; leftMs > 0 && isEmpty(answer); ) {
    const waiting = desk.kept.wait(seen, leftMs);
    if (waiting === undefined) return tooManyFollow;
    leftMs = await waiting;
    seen = desk.kept.told;
    answer = await desk.store.query({ ...narrowed, after: answer.cursor });
  }
  if (answer.kind === 'failed') {
    return { kind: 'store', message: `the evidence cannot be read: ${answer.message}`, advice: 'see the log' };
  }
  const mayKnow = knowsPeople(caller);
  const events = answer.events.map((stored) => (mayKnow ? revealed(stored, desk) : stored));
  return { kind: 'ok', value: { ...answer, events } };
}

const tooManyFollow = {
  kind: 'store',
  message: 'as many follow the events as the door has room for',
  advice: 'end another `coffre tap` or `coffre events --follow`, or ask again later',
} as const;

function isEmpty(answer: QueryAnswer): answer is EvidenceAnswers['events'] {
  return answer.kind === 'events' && answer.events.length === 0;
}

function nothing(after: EvidenceRequests['events']['after']) {
  return { kind: 'events', events: [], cursor: after ?? {}, more: false, silent: [] } as const;
}

/** Names of people are for those who answer for what people did. */
function knowsPeople(caller: Caller): boolean {
  return caller.kind === 'owner' || caller.person.role === 'auditor';
}

function revealed(stored: StoredEvent, { reveal }: EvidenceDesk): StoredEvent {
  const { event } = stored;
  const isOfSomebody = event.kind === 'human-action' || event.kind === 'quarantine';
  if (!isOfSomebody || event.person === undefined) return stored;
  const named: EvidenceEvent = { ...event, person: reveal(event.tenant, event.person) };
  return { ...stored, event: named };
}

async function forget(desk: EvidenceDesk, scope: Scope, tenant: string): Promise<EvidenceReply> {
  const unknown = {
    kind: 'not-found',
    message: `nobody of a tenant \`${tenant}\` was ever recorded`,
    advice: 'write the tenant as its events name it',
  } as const;
  if (!sees(scope, tenant)) return unknown;
  const answer = await desk.forget(tenant);
  switch (answer.kind) {
    case 'forgotten':
      return { kind: 'ok', value: { tenant } };
    case 'unknown':
      return unknown;
    case 'failed':
      return {
        kind: 'store',
        message: `the key could not be destroyed: ${answer.message}`,
        advice: 'see that the state folder can be written, and ask again',
      };
  }
}
