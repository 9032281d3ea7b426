/** What may be asked about quarantines, field by field. A field too many is refused: a misspelt `for` would be the default. */
import Type from 'typebox';
import { type RequestsOf, requestBody, requestReader } from './request-reader.ts';

/** Longest SPIFFE ID, in bytes; SPIFFE-ID specification. */
const identityLengthMax = 2_048;
/** Longest reason, in characters: it stands in rules, answers and evidence. */
const reasonLengthMax = 500;
/** Longest name of an alarm or event, in characters. */
const nameLengthMax = 128;

const workload = Type.String({
  description: 'Pod or service account as `tenant/name`, or a SPIFFE ID; the whole identity is cut off.',
  examples: ['atelier/web'],
  minLength: 3,
  maxLength: identityLengthMax,
});
const reason = Type.String({
  description: 'Why, in one line, without control characters.',
  examples: ['malware found on the pod'],
  minLength: 1,
  maxLength: reasonLengthMax,
  pattern:
    '^[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]*$',
});
const untilMs = Type.Integer({ description: 'End, in epoch ms.', examples: [1_830_000_000_000], minimum: 0 });
const name = (description: string, example: string) =>
  Type.String({ description, examples: [example], maxLength: nameLengthMax, pattern: '^[A-Za-z0-9][A-Za-z0-9._:-]*$' });

const requestSchemas = {
  quarantine: requestBody({ workload, reason, untilMs: Type.Optional(untilMs) }),
  quarantineAlarm: requestBody({
    alarm: name('Name that the sender gives this alarm: said twice, it is one.', 'edr-2027-000017'),
    at: Type.String({
      description: 'Moment at which it was raised, as RFC 3339 writes it.',
      examples: ['2027-01-31T18:00:00Z'],
      maxLength: 64,
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}([.]\\d+)?(Z|[+-]\\d{2}:\\d{2})$',
    }),
    workload: Type.Optional(workload),
    event: Type.Optional(
      name('Event of our evidence that it stands on, by its id.', '7f0c4a0e-3c1b-4f57-9b3e-0d8f6b7f2f11'),
    ),
    reason,
    minutes: Type.Optional(
      Type.Integer({ description: 'How long, in minutes.', examples: [120], minimum: 1, maximum: 43_200 }),
    ),
  }),
  quarantineRelease: requestBody({ workload }),
  quarantines: requestBody({}),
};

export type QuarantineCall = keyof typeof requestSchemas;
export type QuarantineRequests = RequestsOf<typeof requestSchemas>;

export function isQuarantineCall(method: string): method is QuarantineCall {
  return Object.hasOwn(requestSchemas, method);
}

/** @returns reads JSON from the wire; never throws. */
export const readQuarantineRequest = requestReader(requestSchemas, 'see docs/quarantine.md for what it takes');
