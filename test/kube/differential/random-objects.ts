/**
 * Objects of our kinds as authors write them and as they mistype them, at random.
 *
 *   complete objects, random meshes ──▶ one object ──up to three slips──▶ object
 *
 * A slip takes a field away, adds one that nobody knows, doubles an item or writes another value: one of a wrong type, one
 * at the edge of a limit, or one that looks like what stood there (a duration for a duration, an address for an address).
 */
import fc from 'fast-check';
import { parse } from 'yaml';
import type { OurKind } from '../../../src/kube/crds/resource-facts.ts';
import { randomMesh } from '../../fixtures/random-mesh.ts';
import { completeObjects, otherForms } from '../../model/complete-objects.ts';
import { moreObjects } from './more-objects.ts';
import { familyOf, lookalikes, oddities } from './values.ts';

type Path = readonly (string | number)[];

export interface AuthoredObject {
  readonly kind: OurKind;
  readonly object: Record<string, unknown>;
}

/** Most slips in one object: with more hardly any would pass on either side. */
const slipsMax = 3;

export function authoredObject(kinds: readonly OurKind[]): fc.Arbitrary<AuthoredObject> {
  const complete = fc.constantFrom(...kinds).chain((kind) => fc.constantFrom(...soundObjects(kind)));
  const written = randomMesh()
    .map((objects) => objects.filter(({ kind }) => kinds.some((ours) => ours === kind)))
    .chain((objects) => fc.constantFrom(...objects))
    .map((object): Record<string, unknown> => structuredClone({ ...object }));
  return fc
    .oneof({ weight: 4, arbitrary: complete }, { weight: 1, arbitrary: written })
    .chain((object) => fc.integer({ min: 0, max: slipsMax }).chain((count) => slipped(object, count)))
    .map((object) => ({ kind: kindOf(object, kinds), object }));
}

/** Each sound object with each single slip in it that a rule could be about: one after another, none by chance. */
export function everySlip(kind: OurKind): AuthoredObject[] {
  return soundObjects(kind).flatMap((object) =>
    pathsOf(object['spec'], ['spec']).flatMap((path) => {
      const here = valueAt(object, path);
      const values = familyOf(here).map((value) => withValue(object, path, value));
      const more = isRecord(here) ? [withValue(object, [...path, unheardOf], 'x')] : [];
      return [...values, ...more, withoutField(object, path)].map((slipped) => ({ kind, object: slipped }));
    }),
  );
}

function soundObjects(kind: OurKind): Record<string, unknown>[] {
  const forms = otherForms.filter((form) => form.kind === kind).map(({ text }) => text);
  const more = moreObjects.filter((text) => text.includes(`kind: ${kind}\n`));
  return [completeObjects[kind], ...forms, ...more].map(parsed);
}

/** No field, and no key of a map either. */
const unheardOf = 'unheard of';

export function completeObject(kind: OurKind): Record<string, unknown> {
  return parsed(completeObjects[kind]);
}

function parsed(text: string): Record<string, unknown> {
  return parse(text);
}

function kindOf(object: Record<string, unknown>, kinds: readonly OurKind[]): OurKind {
  const kind = kinds.find((each) => each === object['kind']);
  if (kind === undefined) throw new Error(`\`${object['kind']}\` is no kind of ours`);
  return kind;
}

function slipped(object: Record<string, unknown>, count: number): fc.Arbitrary<Record<string, unknown>> {
  if (count === 0) return fc.constant(object);
  return slip(object).chain((changed) => slipped(changed, count - 1));
}

/** Only where an author writes: what stands around it is the API server's own. */
function slip(object: Record<string, unknown>): fc.Arbitrary<Record<string, unknown>> {
  const paths = pathsOf(object['spec'], ['spec']);
  return fc.constantFrom(...paths).chain((path) => {
    const here = valueAt(object, path);
    const changes: fc.Arbitrary<Record<string, unknown>>[] = [
      fc.constantFrom(...lookalikes(here)).map((value) => withValue(object, path, value)),
      fc.constantFrom(...lookalikes(here)).map((value) => withValue(object, path, value)),
      fc.constantFrom(...oddities).map((value) => withValue(object, path, value)),
      fc.constant(withoutField(object, path)),
    ];
    if (Array.isArray(here)) changes.push(fc.constant(withValue(object, path, [...here, ...here])));
    if (isRecord(here)) changes.push(fc.constant(withValue(object, [...path, unheardOf], 'x')));
    return fc.oneof(...changes);
  });
}

function pathsOf(value: unknown, path: Path): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Array.isArray(value)
    ? value.flatMap((item, index) => pathsOf(item, [...path, index]))
    : Object.entries(value).flatMap(([key, field]) => pathsOf(field, [...path, key]));
  return [path, ...inner];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((here, step) => (isObject(here) ? Reflect.get(here, step) : undefined), value);
}

export function withValue(object: Record<string, unknown>, path: Path, value: unknown): Record<string, unknown> {
  const copy = structuredClone(object);
  const parent = valueAt(copy, path.slice(0, -1));
  if (isObject(parent)) Reflect.set(parent, path.at(-1) ?? '', structuredClone(value));
  return copy;
}

function withoutField(object: Record<string, unknown>, path: Path): Record<string, unknown> {
  const copy = structuredClone(object);
  const parent = valueAt(copy, path.slice(0, -1));
  const last = path.at(-1) ?? '';
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (isObject(parent)) Reflect.deleteProperty(parent, last);
  return copy;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value);
}
