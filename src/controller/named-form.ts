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
  const [one, other] = [made(build, 'a', length), made(build, 'b', length)];
  const { typeUrl, name: constant, any: bytes } = one.resource;
  const isCalledSo = constant === one.name;
  const places = placesOf(Buffer.from(one.name), Buffer.from(other.name), bytes, other.resource.any);
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

function made(build: (name: string) => EnvoyResource, letter: string, length: number) {
  const name = letter.repeat(length);
  return { name, resource: encoded(build(name)) };
}

/** @throws where the two differ in anything but a name that stands whole in both. */
function placesOf(name: Buffer, otherName: Buffer, one: Uint8Array, other: Uint8Array): readonly number[] {
  const places: number[] = [];
  const isAt = (at: number, bytes: Uint8Array, text: Buffer) => text.equals(bytes.subarray(at, at + text.length));
  let at = 0;
  while (at < Math.max(one.length, other.length)) {
    if (one[at] === other[at]) {
      at += 1;
      continue;
    }
    if (!isAt(at, one, name) || !isAt(at, other, otherName)) {
      throw new Error('a message changes the name that it is given, so it cannot be encoded once for all names');
    }
    places.push(at);
    at += name.length;
  }
  return places;
}
