/**
 * Resources that differ in one name alone, encoded once for all of them: the bytes, and the places where the name stands.
 *
 *   build ──encoded with two made-up names──▶ where they differ are the places      bytes + a name there ──▶ its Resource
 *
 * What a message says of lengths changes with that of the name, so there is a form for each length. Only there are places
 * where the two differ: what looks like a name by chance is none.
 */
import type { EnvoyResource } from '../envoy/resource.ts';
import { contentVersion, type Resource } from '../xds/resource.ts';
import { encoded } from './encode.ts';

/** What was made of a form: whatever else has the same form says the same of another name. */
export interface NamedResource extends Resource {
  readonly form: string;
}

/** Makes the resource of a name. @throws what building throws, and where the name is changed on its way into the message. */
export type NamedResources = (name: string) => NamedResource;

/** @param counted told of each form that was made. */
export function namedResources(build: (name: string) => EnvoyResource, counted: () => void): NamedResources {
  const forms = new Map<number, NamedResources>();
  return (name) => {
    const length = Buffer.byteLength(name);
    const known = forms.get(length);
    if (known !== undefined) return known(name);
    counted();
    const made = formOf(build, length);
    forms.set(length, made);
    return made(name);
  };
}

/** @returns `form` of what was made of one; undefined of anything else. */
export function formNameOf(resource: Resource): string | undefined {
  return 'form' in resource && typeof resource.form === 'string' ? resource.form : undefined;
}

function formOf(build: (name: string) => EnvoyResource, length: number): NamedResources {
  const [one, other] = ['a', 'b'].map((letter) => letter.repeat(length)) as [string, string];
  const isCalledSo = build(one).name === one;
  const { typeUrl, name: constant, any: bytes } = encoded(build(one));
  const places = placesOf(bytes, encoded(build(other)).any, length);
  const form = `${length} ${places.join(' ')} ${contentVersion(bytes)}`;
  return (name) => {
    // From Node's pool: there are thousands of these, each too small for an allocation of its own.
    const filled = Buffer.allocUnsafe(bytes.length);
    filled.set(bytes);
    for (const place of places) filled.write(name, place);
    const any = new Uint8Array(filled.buffer, filled.byteOffset, filled.length);
    return { typeUrl, name: isCalledSo ? name : constant, version: contentVersion(any), any, form };
  };
}

function placesOf(one: Uint8Array, other: Uint8Array, length: number): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at < one.length; at += 1) {
    if (one[at] === other[at]) continue;
    const [here, there] = [one, other].map((bytes) => Buffer.from(bytes.subarray(at, at + length)).toString());
    if (here !== 'a'.repeat(length) || there !== 'b'.repeat(length)) break;
    places.push(at);
    at += length - 1;
  }
  const rest = Buffer.from(one);
  for (const place of places) rest.write('b'.repeat(length), place);
  if (rest.equals(other)) return places;
  throw new Error(`a message changes the name that it is given, so it cannot be encoded once for all names`);
}
