/**
 * One resource of a proxy's configuration in a form that can be compared, whether a proxy told of it or we sent it.
 *
 *   what was sent (protobuf)  ──┐
 *                               ├──▶ canonical JSON ──▶ digest         equal content is one digest
 *   what is held (Envoy's JSON) ┘
 *
 * Both are read into the message and written again: names of fields, order of maps and defaults say nothing. What the
 * registry does not know stays as the proxy wrote it, and so differs from everything of ours.
 */
import { createHash } from 'node:crypto';
import { fromBinary, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { envoyRegistry } from '../envoy/registry.ts';
import { comparableEndpoints } from './comparable-endpoints.ts';
import { isObject } from './json.ts';
import { Newest } from './newest.ts';
import { withoutSecrets } from './without-secrets.ts';

export interface HeldResource {
  /** `type.googleapis.com/…`. */
  readonly typeUrl: string;
  readonly name: string;
  /** `warming`: taken, and not used yet. `static`: from the bootstrap, by nobody's push. */
  readonly state: 'active' | 'warming' | 'static';
  readonly content: JsonValue;
}

/** By `keyOf`: the digest of each resource. Safe to show and to keep: secrets were blanked before. */
export type ComparableConfig = ReadonlyMap<string, string>;

/** `<type URL>/<name>`; of what is not active, with its state behind. */
export function keyOf({ typeUrl, name, state }: Omit<HeldResource, 'content'>): string {
  return `${typeUrl}/${name}${state === 'active' ? '' : ` (${state})`}`;
}

export function comparable(resources: readonly HeldResource[]): ComparableConfig {
  const pairs = resources.map((resource) => [keyOf(resource), digestOf(resource.content)] as const);
  return new Map(pairs.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** A resource as it stands in a snapshot of the xDS cache. */
export function sentResource({ typeUrl, name, any }: { typeUrl: string; name: string; any: Uint8Array }): HeldResource {
  const json = toJson(AnySchema, fromBinary(AnySchema, any), { registry: envoyRegistry });
  return { typeUrl, name, state: 'active', content: canonical(typeUrl, json) };
}

/**
 * The same text gives the very same value: most proxies of a tenant hold the same resources, before a drill and after it,
 * and to read one through the registry is nearly all that looking at a proxy costs.
 * @param json an `Any` as JSON, with its `@type`. What comes back is shared, and nobody's to change.
 */
export function canonical(typeUrl: string, json: JsonValue): JsonValue {
  const key = createHash('sha256').update(typeUrl).update(JSON.stringify(json)).digest('base64');
  return known.get(key, () => comparableEndpoints(typeUrl, withoutSecrets(rewritten(json))));
}

/** Resources whose canonical form is kept. A few KiB each. */
const knownMax = 1_024;
const known = new Newest<JsonValue>(knownMax);
/** Of canonical forms that are kept. */
const digests = new WeakMap<object, string>();

function rewritten(json: JsonValue): JsonValue {
  const options = { registry: envoyRegistry };
  try {
    return toJson(AnySchema, fromJson(AnySchema, json, options), options);
  } catch {
    return json;
  }
}

function digestOf(value: JsonValue): string {
  const key = isObject(value) ? value : undefined;
  const digest = (key && digests.get(key)) ?? freshDigestOf(value);
  if (key !== undefined) digests.set(key, digest);
  return digest;
}

function freshDigestOf(value: JsonValue): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')
    .slice(0, 16);
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, member]) => [key, sorted(member)]));
}
