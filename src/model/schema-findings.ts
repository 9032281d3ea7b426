/**
 * Words for what a schema refuses: each finding says what, where, and what was expected, out of the schema itself.
 *
 * TypeBox reports an unknown property twice and every branch of a union; one slip of an author is one finding here.
 */
import type { TSchema } from 'typebox';
import type { TValidationError } from 'typebox/error';
import { nearest } from './nearest.ts';
import { quote, quoteList } from './quote.ts';
import { fieldPath, valueAt } from './schema-paths.ts';
import type { Finding } from './sourced-object.ts';

/** A schema, as far as words are made of it. */
interface DescribedSchema {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly patternProperties?: unknown;
}

/**
 * @param errors of TypeBox for `value`; it stops at eight by itself (`maxErrors`), and so do the findings.
 * @returns at least one finding when there is at least one error.
 */
export function findingsOf(schema: TSchema, value: unknown, errors: readonly TValidationError[]): Finding[] {
  const told = errors.filter((error) => isTold(error) && !isOneTooMany(error, errors));
  return (told.length > 0 ? told : errors.slice(0, 1)).flatMap((error) => describe(schema, value, error));
}

function isTold(error: TValidationError): boolean {
  return (
    error.keyword !== 'additionalProperties' && !/\/(anyOf\/\d+|patternProperties\/[^/]*\/anyOf)/.test(error.schemaPath)
  );
}

/** An entry too many that is an unknown field is told as that. */
function isOneTooMany({ keyword, instancePath }: TValidationError, errors: readonly TValidationError[]): boolean {
  const hasUnknown = (error: TValidationError) =>
    error.keyword === 'additionalProperties' && error.instancePath === instancePath;
  return keyword === 'maxProperties' && errors.some(hasUnknown);
}

function describe(schema: TSchema, value: unknown, error: TValidationError): Finding[] {
  const path = fieldPath(value, error.instancePath);
  const here = valueAt(value, error.instancePath);
  const expected = schemaAt(schema, error.schemaPath);
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) => missingField(expected, path, name));
  }
  if (error.keyword === 'boolean') return [unknownField(schemaAt(schema, parentOf(error.schemaPath)), path)];
  const code = error.keyword === 'type' || error.keyword === 'anyOf' ? 'wrong-type' : 'bad-value';
  const subject = path === '' ? 'the object' : quote(path);
  return [
    { code, severity: 'error', path, message: `${subject} ${complaint(error, here)}`, advice: adviceOf(expected) },
  ];
}

function missingField(parent: DescribedSchema, parentPath: string, name: string): Finding {
  const path = parentPath === '' ? name : `${parentPath}.${name}`;
  const advice = adviceOf(described(parent.properties?.[name]));
  return { code: 'missing-field', severity: 'error', path, message: `${quote(path)} is missing`, advice };
}

function unknownField(parent: DescribedSchema, path: string): Finding {
  if (parent.patternProperties !== undefined) {
    const advice = 'write a label key of letters, digits, `.`, `/`, `_` and `-`';
    return { code: 'bad-value', severity: 'error', path, message: `${quote(path)} is not a label key`, advice };
  }
  const known = Object.keys(parent.properties ?? {});
  const meant = nearest(path.slice(path.lastIndexOf('.') + 1), known);
  return {
    code: 'unknown-field',
    severity: 'error',
    path,
    message: `unknown field ${quote(path)}, which would be read by nobody`,
    advice: meant === undefined ? `the fields here are ${quoteList(known)}` : `did you mean ${quote(meant)}?`,
  };
}

function complaint(error: TValidationError, value: unknown): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${article(String(error.params.type))}, not ${article(typeOf(value))}`;
    case 'anyOf':
      return `is ${article(typeOf(value))} of no form that is accepted here`;
    case 'enum':
      return `must be one of ${quoteList(error.params.allowedValues.map(String))}, not ${shown(value)}`;
    case 'const':
      return `must be ${quote(String(error.params.allowedValue))}, not ${shown(value)}`;
    case 'pattern':
      return `is ${shown(value)}, which is not well formed`;
    case 'minLength':
      return `is shorter than ${error.params.limit} characters`;
    case 'maxLength':
      return `is longer than ${error.params.limit} characters`;
    case 'minimum':
    case 'maximum':
      return `must be ${error.params.comparison} ${error.params.limit}, not ${shown(value)}`;
    case 'minItems':
      return `must have at least ${error.params.limit} item: an empty list could mean nobody or anyone`;
    case 'maxItems':
      return `has more than ${error.params.limit} items`;
    case 'minProperties':
      return 'says nothing: an empty object could mean nobody or anyone';
    case 'maxProperties':
      return `has more than ${error.params.limit} entries`;
    default:
      return `breaks the rule ${quote(error.keyword)}`;
  }
}

function adviceOf({ description, examples }: DescribedSchema): string {
  const [example] = examples ?? [];
  const text = (description ?? 'see the reference of this kind').replace(/\.$/, '');
  // `HTTP method` stays as it is: only a capital that stands alone is there for the beginning of a sentence.
  const sentence = text.replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase());
  return example === undefined
    ? `expected: ${sentence}`
    : `expected: ${sentence}; for example ${quote(String(example))}`;
}

function schemaAt(schema: TSchema, schemaPath: string): DescribedSchema {
  return described(valueAt(schema, schemaPath.replace(/^#/, '')));
}

function described(schema: unknown): DescribedSchema {
  return typeof schema === 'object' && schema !== null ? schema : {};
}

function parentOf(schemaPath: string): string {
  return schemaPath.slice(0, schemaPath.lastIndexOf('/'));
}

function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? quote(String(value)) : article(typeOf(value));
}

function article(type: string): string {
  if (type === 'null') return 'empty';
  return /^[aio]/.test(type) ? `an ${type}` : `a ${type}`;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return value === null ? 'null' : typeof value;
}
