/**
 * A named piece of configuration, encoded once and shared by every stream that carries it.
 *
 * Content is the version: `version` is the hash of the bytes, so equal content never moves, two replicas that
 * compute the same bytes agree, and a restart redelivers nothing.
 * This room knows no mesh: what the bytes mean is the business of whoever built them.
 */
import { hash } from 'node:crypto';

export interface Resource {
  /** `type.googleapis.com/…` of the message in `any`. */
  readonly typeUrl: string;
  readonly name: string;
  /** Hash of `any`, and of `ttlMs` where there is one, 16 hexadecimal digits. */
  readonly version: string;
  /** An encoded `google.protobuf.Any`, ready to be copied into a response of either protocol. */
  readonly any: Uint8Array;
  /** How long after the client last heard of it the client drops it, in ms. Absent: never. See heartbeat.ts. */
  readonly ttlMs?: number;
  /**
   * Its life is not begun anew: what the client may have dropped by its TTL is not sent to it again, and `lapsed` is
   * observed instead. Absent: it is sent whole again, as the protocol asks.
   */
  readonly lapses?: true;
  /** Of a cluster whose endpoints have another name (`eds_cluster_config.service_name`): that name. Default: `name`. */
  readonly endpointsName?: string;
}

/** The resources of one type, by name. */
export type Listing = ReadonlyMap<string, Resource>;

/**
 * Everything one client may be told, by type URL and then by name: a value, replaced whole.
 * A type that is present and empty is empty, and its clients are told so; of a type that is absent nothing is said,
 * so that a builder which failed or forgot can never be read as a deletion.
 */
export interface ResourceSnapshot {
  /** The revision of the inputs it was made from; travels in logs and events, never decides anything here. */
  readonly revision: string;
  readonly types: ReadonlyMap<string, Listing>;
}

/** Hash that names content, for resources and for whole type listings. */
export function contentVersion(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, 16);
}

/** The same content, which the client drops unless it hears of it; another version, so that a changed TTL is sent. */
export function withTtl(resource: Resource, ttlMs: number): Resource & { readonly ttlMs: number } {
  return { ...resource, ttlMs, version: contentVersion(Buffer.concat([resource.any, Buffer.from(`ttl ${ttlMs}`)])) };
}

/** Versions of listings already hashed: snapshots share their maps between clients, and a value never changes. */
const listingVersions = new WeakMap<Listing, string>();

/** Version of a set of resources, whatever the order it was built in: what SotW calls `version_info`. */
export function listingVersion(listing: Listing): string {
  const known = listingVersions.get(listing);
  if (known !== undefined) return known;
  const lines = [...listing.values()].map(({ name, version }) => `${name}\0${version}\n`).sort();
  const version = contentVersion(Buffer.from(lines.join('')));
  listingVersions.set(listing, version);
  return version;
}
