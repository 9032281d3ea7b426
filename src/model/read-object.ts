/**
 * From plain data to one object of a known kind, or to the reason why not.
 *
 *   plain data ──identify──▶ kind, namespace, name ──schema, rules──▶ valid | broken
 *                   └─▶ foreign (somebody else's kind: a warning)     └─▶ unidentified (might be any object of ours)
 *
 * The surprise: an AccessPolicy whose name cannot be read is still an object as long as its namespace can,
 * because a deny that nobody understands denies.
 */
import type { TProperties, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import {
  apiVersionOf,
  coffreGroup,
  isKind,
  isReadAs,
  type Kind,
  type KindDefinition,
  type KnownObject,
  kinds,
} from './kinds/catalogue.ts';
import { editDistance, nearest } from './nearest.ts';
import { ruleFindings } from './object-rules.ts';
import type { ObjectRef, Problem } from './problem.ts';
import { isRecord, prune, pruneLines } from './prune.ts';
import { quote, quoteList } from './quote.ts';
import { isForeignRoute, unsupportedValue } from './route-rules.ts';
import { findingsOf } from './schema-findings.ts';
import type { SourceRef } from './source-ref.ts';
import {
  type BrokenObject,
  brokenObject,
  type FieldLines,
  type Finding,
  type PolicyScope,
  problemOf,
  type SourcedObject,
  validObject,
  widestScope,
} from './sourced-object.ts';

export type ReadObject =
  | { readonly kind: 'object'; readonly object: SourcedObject; readonly problems: readonly Problem[] }
  | { readonly kind: 'foreign'; readonly problems: readonly Problem[] }
  | { readonly kind: 'unidentified'; readonly problems: readonly Problem[] };

/** Longest name of an object that is repeated in references and keys. */
const nameLengthMax = 253;

/** What a source knows beyond the data. */
export interface SourceNotes {
  readonly lines: FieldLines;
  /** What the source itself found wrong with the object; where there is something, the object is broken. */
  readonly problems: readonly Problem[];
}

const noNotes: SourceNotes = { lines: new Map(), problems: [] };

/** @param raw one object as plain data, of any shape. Never throws. */
export function readObject(raw: unknown, where: SourceRef, notes: SourceNotes = noNotes): ReadObject {
  const { lines } = notes;
  const nameless = { where, lines, ref: { kind: '', namespace: '', name: '' } };
  const refuse = (kind: 'foreign' | 'unidentified', finding: Finding): ReadObject => {
    const { object: _nobody, ...problem } = problemOf(nameless, finding);
    return { kind, problems: [...notes.problems, problem] };
  };
  if (!isRecord(raw)) return refuse('unidentified', notAnObject);
  const identity = identify(raw);
  if (identity.kind !== 'known') return refuse(identity.kind, identity.finding);

  const { definition } = identity;
  if (definition.kind === 'HTTPRoute' && isForeignRoute(raw)) return refuse('foreign', foreignRoute);
  const ref = refOf(definition, raw);
  if (ref === undefined) return refuse('unidentified', namelessFinding(definition, raw));
  const place = { ref, where, lines };
  const { object, findings } = judge(definition, raw);
  if (object !== undefined && notes.problems.length === 0) {
    const kept = { ref, where, lines: pruneLines(object, lines) };
    return { kind: 'object', object: validObject(kept, object), problems: [] };
  }
  const scope = definition.kind === 'AccessPolicy' ? scopeOf(raw, notes) : widestScope;
  const broken = brokenObject(place, scope, definition.kind === 'Pod' ? nodeOf(raw) : undefined);
  const problems = [
    ...notes.problems.map((problem) => ({ ...problem, ...withConsequence(broken, problem), object: ref })),
    ...findings.map((finding) => problemOf(place, withConsequence(broken, finding))),
  ];
  return { kind: 'object', object: broken, problems };
}

type Identity =
  | { readonly kind: 'known'; readonly definition: KindDefinition }
  | { readonly kind: 'foreign' | 'unidentified'; readonly finding: Finding };

function identify(raw: Record<string, unknown>): Identity {
  const { kind, apiVersion } = raw;
  for (const [path, value] of Object.entries({ apiVersion, kind })) {
    if (typeof value !== 'string' || value === '') return { kind: 'unidentified', finding: noIdentity(path, value) };
  }
  const [kindText, versionText] = [String(kind), String(apiVersion)];
  const group = versionText.includes('/') ? versionText.slice(0, versionText.indexOf('/')) : '';
  const isOurs = group !== '' && group.length <= nameLengthMax && editDistance(group, coffreGroup) <= 2;
  if (isKind(kindText)) {
    const definition = kinds[kindText];
    // A wrong version of a kind of ours is that object, broken; the schema refuses its `apiVersion`.
    if (isReadAs(definition, versionText) || (definition.owner === 'coffre' && isOurs)) {
      return { kind: 'known', definition };
    }
  }
  const inGroup = Object.values(kinds).filter((known) => (isOurs ? known.owner === 'coffre' : known.group === group));
  const meant = nearest(
    kindText,
    inGroup.map((known) => known.kind),
  );
  if (isOurs || meant !== undefined)
    return { kind: 'unidentified', finding: unknownKind(kindText, versionText, meant) };
  return { kind: 'foreign', finding: foreignKind(kindText, versionText) };
}

function refOf({ kind, scope }: KindDefinition, raw: Record<string, unknown>): ObjectRef | undefined {
  const metadata = isRecord(raw['metadata']) ? raw['metadata'] : {};
  const name = readName(metadata['name']);
  const namespace = scope === 'cluster' ? '' : readName(metadata['namespace']);
  if (namespace === undefined) return undefined;
  if (name === undefined) return kind === 'AccessPolicy' ? { kind, namespace, name: '' } : undefined;
  return { kind, namespace, name };
}

function readName(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= nameLengthMax ? value : undefined;
}

/** A pod may be broken so that nobody asks where it runs. */
function nodeOf({ spec }: Record<string, unknown>): string | undefined {
  return isRecord(spec) ? readName(spec['nodeName']) : undefined;
}

const validators = new Map<Kind, Validator<TProperties, TSchema>>();

/** Compiled at first use and kept: a compiled schema is a value like any other, only dearer. */
function validatorOf({ kind, schema }: KindDefinition): Validator<TProperties, TSchema> {
  const known = validators.get(kind) ?? Compile(schema);
  validators.set(kind, known);
  return known;
}

function judge(
  definition: KindDefinition,
  raw: Record<string, unknown>,
): { readonly object?: KnownObject; readonly findings: readonly Finding[] } {
  const { schema, owner } = definition;
  const value = owner === 'kubernetes' ? prune(schema, raw) : raw;
  const validator = validatorOf(definition);
  if (!validator.Check(value)) return { findings: findingsOf(schema, value, validator.Errors(value)) };
  // The schema that was just checked is the one the type was taken from.
  const object = (owner === 'kubernetes' ? value : prune(schema, value)) as KnownObject;
  const findings = ruleFindings(object);
  return findings.length > 0 ? { findings } : { object, findings };
}

/**
 * The selector alone and the enforcement alone, each judged by its own part of the schema: a broken rule need not deny
 * more than its scope, and what plainly was under audit could never refuse anybody.
 */
function scopeOf(raw: Record<string, unknown>, { problems }: SourceNotes): PolicyScope {
  const spec = isRecord(raw['spec']) && !problems.some(({ path }) => path === 'spec') ? raw['spec'] : {};
  const alone = (field: 'selector' | 'enforcement') => {
    if (problems.some(({ path }) => path.startsWith(`spec.${field}`))) return undefined;
    const probe = {
      apiVersion: apiVersionOf(kinds.AccessPolicy),
      kind: 'AccessPolicy',
      metadata: { name: 'probe', namespace: 'probe' },
      spec: { [field]: spec[field], allow: [{}] },
    };
    const { object } = judge(kinds.AccessPolicy, probe);
    return object?.kind === 'AccessPolicy' ? object.spec : undefined;
  };
  const { enforcement = widestScope.enforcement } = alone('enforcement') ?? {};
  return { selector: alone('selector')?.selector?.matchLabels, enforcement };
}

function withConsequence({ ref, scope }: BrokenObject, finding: Finding): Finding {
  if (ref.kind === 'HTTPRoute') return { condition: unsupportedValue, ...finding };
  if (ref.kind !== 'AccessPolicy') return finding;
  const told = scope.enforcement === 'Audit' ? 'is judged as one that denies' : 'denies';
  return { ...finding, message: `${finding.message}; until it is mended the policy ${told} everything it selects` };
}

const notAnObject: Finding = {
  code: 'not-an-object',
  severity: 'error',
  path: '',
  message: 'the document is not an object',
  advice: 'write `apiVersion`, `kind`, `metadata` and `spec`',
};

function noIdentity(path: string, value: unknown): Finding {
  const code = value === undefined ? 'missing-field' : 'wrong-type';
  const message =
    value === undefined ? `${quote(path)} is missing, so nobody knows what this is` : `${quote(path)} must be a string`;
  return { code, severity: 'error', path, message, advice: 'expected: for example `coffre.dev/v1alpha1` and `Grant`' };
}

function namelessFinding({ kind, scope }: KindDefinition, raw: Record<string, unknown>): Finding {
  const metadata = isRecord(raw['metadata']) ? raw['metadata'] : {};
  const field = readName(metadata['name']) === undefined || scope === 'cluster' ? 'name' : 'namespace';
  const path = `metadata.${field}`;
  const code = metadata[field] === undefined ? 'missing-field' : 'wrong-type';
  const message = `${quote(path)} of this ${quote(kind)} is missing or no name`;
  return {
    code,
    severity: 'error',
    path,
    message,
    advice: 'expected: a string such as `shop`, at most 253 characters',
  };
}

function unknownKind(kind: string, apiVersion: string, meant: string | undefined): Finding {
  const known = Object.values(kinds).filter((definition) => definition.owner === 'coffre');
  return {
    code: 'unknown-kind',
    severity: 'error',
    path: 'kind',
    message: `there is no kind ${quote(kind)} in ${quote(apiVersion)}, so the object is not in force`,
    advice:
      meant !== undefined && isKind(meant)
        ? `did you mean ${quote(meant)} of ${quote(apiVersionOf(kinds[meant]))}?`
        : `the kinds are ${quoteList(known.map((definition) => definition.kind))} of ${quote(`${coffreGroup}/v1alpha1`)}`,
  };
}

function foreignKind(kind: string, apiVersion: string): Finding {
  return {
    code: 'unknown-kind',
    severity: 'warning',
    path: 'kind',
    message: `kind ${quote(kind)} of ${quote(apiVersion)} is not read here, and changes nothing`,
    advice: 'keep it where another tool reads it, or leave it: the other objects are in force',
  };
}

const foreignRoute: Finding = {
  code: 'unknown-kind',
  severity: 'warning',
  path: 'spec.parentRefs',
  message: 'no parent of the route is a Service, so it is not read here and changes nothing',
  advice:
    'leave it to the controller of its gateway; to route the callers of a Service write `group: ""` and `kind: Service`',
};
