/**
 * What a delta client holds of one type: a value, moved by whole responses only.
 *
 *   response ──judge──▶ take it whole, ACK   |   change nothing, NACK with the first reason
 *
 * A response is taken or refused as one, so a reader of the holdings never sees half of an update.
 */
import type { Any } from '@bufbuild/protobuf/wkt';
import type { DeltaDiscoveryResponse } from '#gen/envoy/service/discovery/v3/discovery_pb.js';

export interface Holdings<T> {
  /** By resource name. */
  readonly held: ReadonlyMap<string, Held<T>>;
  /** `system_version_info` of the response that was taken last. */
  readonly revision: string;
}

export interface Held<T> {
  readonly version: string;
  /** What was decoded, and the bytes it came from: for keeping. */
  readonly value: T;
  readonly any: Any;
}

/** @param name under which it came: what a resource says of itself must fit. */
export type Decode<T> = (any: Any, name: string) => Decoded<T>;

export type Decoded<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly why: string };

export type Taken<T> =
  | { readonly kind: 'ack'; readonly holdings: Holdings<T> }
  | { readonly kind: 'nack'; readonly why: string };

export function nothingHeld<T>(): Holdings<T> {
  return { held: new Map(), revision: '' };
}

export function takeResponse<T>(holdings: Holdings<T>, response: DeltaDiscoveryResponse, decode: Decode<T>): Taken<T> {
  const held = new Map(holdings.held);
  for (const name of response.removedResources) held.delete(name);
  for (const { name, version, resource } of response.resources) {
    if (resource === undefined) return { kind: 'nack', why: `resource \`${name}\` has no content` };
    const decoded = decode(resource, name);
    if (decoded.kind === 'refused') return { kind: 'nack', why: `resource \`${name}\`: ${decoded.why}` };
    held.set(name, { version, value: decoded.value, any: resource });
  }
  return { kind: 'ack', holdings: { held, revision: response.systemVersionInfo } };
}

/** What a new stream is told, so that only what changed comes again. */
export function initialVersions<T>({ held }: Holdings<T>): Record<string, string> {
  return Object.fromEntries([...held].map(([name, { version }]) => [name, version]));
}
