/** What may be asked of the evidence, field by field. A filter that is misspelt would show what was not asked for. */
import Type from 'typebox';
import { type EventKind, eventKinds } from '../evidence/event.ts';
import { eventsPerAnswerMax } from '../evidence/store.ts';
import { type RequestsOf, requestBody, requestReader } from './request-reader.ts';

/** Longest filter, in characters: a path as it is kept. */
const textLengthMax = 1_024;
/** Longest that a question waits for an event to come, in ms; the client waits for 10 s. */
export const eventsWaitMsMax = 8_000;
/** Most chains that a cursor names: one a replica. */
const replicasMax = 64;

function text(description: string, example: string) {
  return Type.Optional(Type.String({ description, examples: [example], minLength: 1, maxLength: textLengthMax }));
}

function moment(description: string) {
  return Type.Optional(Type.Integer({ description, examples: [1_790_000_000_000], minimum: 0 }));
}

const kind = Type.Enum([...eventKinds] as [EventKind, ...EventKind[]], {
  description: 'Kind of event.',
  examples: ['denial'],
});

const events = requestBody({
  id: text('Id of an event, a decision or a trace.', 'd:1f0c'),
  kinds: Type.Optional(
    Type.Array(kind, { description: 'Kinds; absent means all.', minItems: 1, maxItems: eventKinds.length }),
  ),
  tenant: text('Events of this tenant only.', 'atelier'),
  identity: text('SPIFFE ID, `namespace/serviceAccount` or workload, of either side.', 'atelier/web'),
  from: text('The same, of the caller.', 'atelier/web'),
  to: text('The same, of the destination.', 'atelier/api'),
  path: text('Path, or a prefix that ends in `*`.', '/admin/*'),
  verdict: Type.Optional(
    Type.Enum(['allow', 'deny', 'unavailable'], { description: 'Verdict of the decision.', examples: ['deny'] }),
  ),
  sinceMs: moment('Epoch ms, inclusive.'),
  untilMs: moment('Epoch ms, exclusive.'),
  after: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
      Type.Integer({ description: 'Position in that replica’s chain.', examples: [412], minimum: 0 }),
      { description: 'Oldest first, behind these positions.', maxProperties: replicasMax, additionalProperties: false },
    ),
  ),
  limit: Type.Integer({
    description: 'Most events of one answer.',
    examples: [100],
    minimum: 1,
    maximum: eventsPerAnswerMax,
  }),
  waitMs: Type.Optional(
    Type.Integer({
      description: 'With `after`: how long to wait for an event where there is none yet.',
      examples: [eventsWaitMsMax],
      minimum: 0,
      maximum: eventsWaitMsMax,
    }),
  ),
});

const schemas = {
  events,
  evidenceHead: requestBody({}),
  evidenceForget: requestBody({
    tenant: Type.String({
      description: 'Tenant whose key is destroyed.',
      examples: ['atelier'],
      maxLength: 63,
      pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$',
    }),
  }),
} as const;

export type EvidenceRequests = RequestsOf<typeof schemas>;

export type EvidenceCall = keyof EvidenceRequests;

export function isEvidenceCall(method: string): method is EvidenceCall {
  return Object.hasOwn(schemas, method);
}

export const readEvidenceRequest = requestReader(schemas, 'see `coffre events --help`');
