/**
 * Routing that the owner of a service wrote for its callers: a Gateway API `HTTPRoute` whose parent is that Service.
 *
 * A route in force takes the place of the service's own way: what none of its rules matches is answered 404. It moves
 * requests and permits nothing: a backend that a caller may not dial anyway is answered 500 in its share.
 */
import type { SourceRef } from './source-ref.ts';

export interface HttpRoute {
  /** `namespace/name`. */
  readonly key: string;
  readonly tenant: string;
  readonly name: string;
  /** Service ports whose callers it routes, sorted, never empty: HTTP, with a virtual address, of the own tenant. */
  readonly parents: readonly ServicePortRef[];
  /** In the order they were written. */
  readonly rules: readonly RouteRule[];
  /** Epoch ms; 0 where the source knows no time. Of two routes that match alike, the older one is heard. */
  readonly createdMs: number;
  readonly where: SourceRef;
}

export interface ServicePortRef {
  /** Service key, `namespace/name`. */
  readonly service: string;
  readonly port: number;
}

export interface RouteRule {
  /** Any one suffices; never empty. */
  readonly matches: readonly RouteMatch[];
  /** Those of weight 0 are left out; empty means that the rule answers 500. */
  readonly backends: readonly RouteBackend[];
  /** One whole exchange, in ms; 0 means no limit, absent means what the service says. */
  readonly requestTimeoutMs?: number;
  /** One try, in ms; 0 means no limit, absent means what the service says. */
  readonly backendTimeoutMs?: number;
}

/** All that is named must hold. */
export interface RouteMatch {
  readonly path: RoutePath;
  readonly method?: string;
  /** Sorted by name, each once, names in lower case; values compared byte by byte. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** `prefix` by whole segments: `/v2` is `/v2` and `/v2/…`, never `/v20`. It ends in `/` only where it is `/`. */
export type RoutePath =
  | { readonly kind: 'exact'; readonly path: string }
  | { readonly kind: 'prefix'; readonly path: string };

export interface RouteBackend {
  /** Absent where the reference names nothing that could ever be called; its share is answered 500. */
  readonly to?: ServicePortRef;
  /** Relative to the others of the rule; 1 or more. */
  readonly weight: number;
}
