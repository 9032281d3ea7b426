/**
 * A named piece of configuration, encoded once and shared by every stream that carries it.
 *
 * Content is the version: `version` is the hash of the bytes, so equal content never moves, two replicas that
 * compute the same bytes agree, and a restart redelivers nothing.
 * This room knows no mesh: what the bytes mean is the business of whoever built them.
 */
import { createHash } from 'node:crypto';

export interface Resource {
  /** `type.googleapis.com/…` of the message in `any`. */
  readonly typeUrl: string;
  readonly name: string;
  /** Hash of `any`, 16 hexadecimal digits. */
  readonly version: string;
  /** An encoded `google.protobuf.Any`, ready to be copied into a response of either protocol. */
  readonly any: Uint8Array;
}

/** Everything one client may be told, by type URL and then by name: a value, replaced whole. */
export interface ResourceSnapshot {
  /** The revision of the inputs it was made from; travels in logs and events, never decides anything here. */
  readonly revision: string;
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Resource>>;
}

/** Hash that names content, for resources and for whole type listings. */
export function contentVersion(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
