/**
 * What may be asked of drills, field by field: the most dangerous door takes nothing that it does not know.
 *
 * Bodies are judged whole before anything is done. A field too many is refused like one too few: a misspelt `planHash`
 * that is passed over would start whatever was planned last.
 */
import Type from 'typebox';
import { reportForms, reportLanguages } from '../chaos/report/report-form.ts';
import { type RequestsOf, requestBody, requestReader } from './request-reader.ts';

/** Longest `namespace/name`, in characters: a DNS label, a slash, a subdomain. */
const drillKeyLengthMax = 317;
/** Longest reason, in characters: it stands in the journal, the report and on terminals. */
const reasonLengthMax = 500;

const drill = Type.String({
  description: 'Drill, as `namespace/name`.',
  examples: ['atelier/api-breaker'],
  maxLength: drillKeyLengthMax,
  pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
});

const planHash = Type.String({
  description: 'Hash of a plan, as `drillPlan` answered it.',
  examples: ['9f86d081884c7d65'],
  maxLength: 64,
  pattern: '^[0-9a-f]{16,64}$',
});

const reason = Type.String({
  description: 'Why, in one line, without control characters.',
  examples: ['customers see errors'],
  minLength: 1,
  maxLength: reasonLengthMax,
  pattern:
    '^[^\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]*$',
});

const form = Type.Enum([...reportForms], { description: 'Form of the report.', examples: ['html'] });

const language = Type.Enum([...reportLanguages], { description: 'Language of its sentences.', examples: ['en'] });

const schemas = {
  drillPlan: requestBody({ drill }),
  drillApprove: requestBody({ drill, planHash }),
  drillStart: requestBody({ drill, planHash }),
  drillHalt: requestBody({ drill, reason }),
  drillHaltAll: requestBody({ reason }),
  drillRelease: requestBody({}),
  drills: requestBody({}),
  drill: requestBody({ drill }),
  drillReport: requestBody({ drill, form, language }),
} as const;

export type DrillRequests = RequestsOf<typeof schemas>;

export type DrillCall = keyof DrillRequests;

export function isDrillCall(method: string): method is DrillCall {
  return Object.hasOwn(schemas, method);
}

/** @param value JSON from the wire. Never throws. */
export const readDrillRequest = requestReader(schemas, 'see `coffre drill --help`');
