/**
 * One object as a source gave it: read, or broken, and where each of its fields was written.
 *
 * A broken object is still an object: it says that somebody meant something here, so that a policy nobody can
 * understand denies its scope instead of vanishing, and a folder knows whose last good state to keep.
 */
import { canonicalJson, contentHash } from './canonical-json.ts';
import type { AccessPolicyObject } from './kinds/access-policy.ts';
import type { Kind, KnownObject, ObjectOfKind } from './kinds/catalogue.ts';
import type { ObjectRef, Problem, ProblemCode, RouteCondition } from './problem.ts';
import type { SourceRef } from './source-ref.ts';

/** Line of each field by its path, such as `spec.allow[0].from`; empty where a source knows no lines. */
export type FieldLines = ReadonlyMap<string, number>;

export type SourcedObject = ValidObject | BrokenObject;

export interface ValidObject<K extends Kind = Kind> {
  readonly kind: 'valid';
  /** `kind/namespace/name`. */
  readonly id: string;
  readonly ref: ObjectRef;
  readonly where: SourceRef;
  readonly lines: FieldLines;
  readonly object: ObjectOfKind<K>;
  /** Hash of the content, independent of formatting and place. */
  readonly hash: string;
}

export interface BrokenObject {
  readonly kind: 'broken';
  readonly id: string;
  readonly ref: ObjectRef;
  readonly where: SourceRef;
  readonly lines: FieldLines;
  /** Of an AccessPolicy: what of its scope could be read. */
  readonly scope: PolicyScope;
  /** Of a Pod: the node it names, as far as it could be read. What nobody understands stands there all the same. */
  readonly node?: string;
  readonly hash: string;
}

/** What a policy denies that nobody understands, and whether that is enforced. */
export interface PolicyScope {
  /** Labels by which it names its workloads; undefined means all of the tenant. */
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly enforcement: NonNullable<AccessPolicyObject['spec']['enforcement']>;
}

/** Of what says nothing of its scope. */
export const widestScope: PolicyScope = { selector: undefined, enforcement: 'Enforce' };

/** What is wrong with one field of one object, before it is known where the object stands. */
export interface Finding {
  readonly code: ProblemCode;
  readonly severity: Problem['severity'];
  readonly path: string;
  readonly message: string;
  readonly advice: string;
  readonly condition?: RouteCondition;
}

interface Place {
  readonly ref: ObjectRef;
  readonly where: SourceRef;
  readonly lines: FieldLines;
}

export function validObject(place: Place, object: KnownObject): ValidObject {
  const { ref, where, lines } = place;
  return { kind: 'valid', id: objectId(ref), ref, where, lines, object, hash: contentHash(canonicalJson(object)) };
}

export function brokenObject(place: Place, scope: PolicyScope, node?: string): BrokenObject {
  const { ref, where, lines } = place;
  const id = objectId(ref);
  return {
    kind: 'broken',
    id,
    ref,
    where,
    lines,
    scope,
    ...(node === undefined ? {} : { node }),
    hash: contentHash(canonicalJson({ broken: id, scope, ...(node === undefined ? {} : { node }) })),
  };
}

/** `kind/namespace/name`. */
export function objectId({ kind, namespace, name }: ObjectRef): string {
  return `${kind}/${namespace}/${name}`;
}

export function isOfKind<K extends Kind>(object: SourcedObject, kind: K): object is ValidObject<K> {
  return object.kind === 'valid' && object.object.kind === kind;
}

/** The narrowest scope around all of these policies, broken or not: where they differ, it is the widest. */
export function scopeAround(policies: readonly SourcedObject[]): PolicyScope {
  const scopes = policies.map(scopeOf);
  const [first = widestScope] = scopes;
  const isSame = new Set(scopes.map(({ selector }) => canonicalJson(selector ?? {}))).size === 1;
  const isAudited = scopes.every(({ enforcement }) => enforcement === 'Audit');
  return { selector: isSame ? first.selector : undefined, enforcement: isAudited ? 'Audit' : 'Enforce' };
}

function scopeOf(object: SourcedObject): PolicyScope {
  if (object.kind === 'broken') return object.scope;
  if (!isOfKind(object, 'AccessPolicy')) return widestScope;
  const { selector, enforcement = 'Enforce' } = object.object.spec;
  return { selector: selector?.matchLabels, enforcement };
}

/** The line of a field, or of the nearest thing around it that was written. */
export function whereOf({ where, lines }: Pick<Place, 'where' | 'lines'>, path: string): SourceRef {
  for (let around = path; around !== ''; around = enclosing(around)) {
    const line = lines.get(around);
    if (line !== undefined) return { file: where.file, line };
  }
  return where;
}

function enclosing(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0));
}

export function problemOf(place: Place, finding: Finding): Problem {
  return { ...finding, where: whereOf(place, finding.path), object: place.ref };
}
