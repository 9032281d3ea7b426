/**
 * Bodies of requests, judged whole by their schemas before anything is done. A field too many is refused like one too few.
 */
import Type, { type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { findingsOf } from '../model/schema-findings.ts';

export type ReadBody<Value> =
  | { readonly kind: 'ok'; readonly value: Value }
  | { readonly kind: 'bad-request'; readonly message: string; readonly advice: string };

export type RequestSchemas = Readonly<Record<string, TSchema>>;

export type RequestsOf<Schemas extends RequestSchemas> = { readonly [Name in keyof Schemas]: Static<Schemas[Name]> };

export function requestBody<Properties extends Record<string, TSchema>>(properties: Properties) {
  return Type.Object(properties, { description: 'The request.', additionalProperties: false });
}

/** @param advice where a schema has none of its own. @returns reads JSON from the wire; never throws. */
export function requestReader<Schemas extends RequestSchemas>(schemas: Schemas, advice: string) {
  const validators = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, Compile(schema)]));
  return <Name extends keyof Schemas & string>(name: Name, value: unknown): ReadBody<RequestsOf<Schemas>[Name]> => {
    const validator = validators[name];
    const schema = schemas[name];
    if (schema === undefined || validator === undefined) throw new TypeError(`no schema for \`${name}\``);
    if (validator.Check(value)) return { kind: 'ok', value: value as RequestsOf<Schemas>[Name] };
    const [finding] = findingsOf(schema, value, validator.Errors(value));
    return {
      kind: 'bad-request',
      message: finding?.message ?? 'the request is not what this method takes',
      advice: finding?.advice ?? advice,
    };
  };
}
