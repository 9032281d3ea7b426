/**
 * What may be asked of drills, field by field: the most dangerous door takes nothing that it does not know.
 *
 * Bodies are judged whole before anything is done. A field too many is refused like one too few: a misspelt `planHash`
 * that is passed over would start whatever was planned last.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { reportForms, reportLanguages } from '../chaos/report/report-form.ts';
import { findingsOf } from '../model/schema-findings.ts';

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

function body<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, { description: 'The request.', additionalProperties: false });
}

const schemas = {
  drillPlan: body({ drill }),
  drillApprove: body({ drill, planHash }),
  drillStart: body({ drill, planHash }),
  drillHalt: body({ drill, reason }),
  drillHaltAll: body({ reason }),
  drillRelease: body({}),
  drills: body({}),
  drill: body({ drill }),
  drillReport: body({ drill, form, language }),
} as const;

export type DrillRequests = { readonly [Name in keyof typeof schemas]: Static<(typeof schemas)[Name]> };

export type DrillCall = keyof DrillRequests;

export function isDrillCall(method: string): method is DrillCall {
  return Object.hasOwn(schemas, method);
}

export type ReadBody<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  | { readonly kind: 'bad-request'; readonly message: string; readonly advice: string };

const validators = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, Compile(schema)]));

/** @param value JSON from the wire. Never throws. */
export function readDrillRequest<Name extends DrillCall>(name: Name, value: unknown): ReadBody<DrillRequests[Name]> {
  const validator = validators[name];
  if (validator?.Check(value) === true) return { kind: 'ok', value: value as DrillRequests[Name] };
  const [finding] = findingsOf(schemas[name], value, validator?.Errors(value) ?? []);
  return {
    kind: 'bad-request',
    message: finding?.message ?? 'the request is not what this method takes',
    advice: finding?.advice ?? 'see `coffre drill --help`',
  };
}
