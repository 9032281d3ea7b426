/**
 * A user's mistake, as data: the same value in status, webhook, CLI and log.
 *
 *   object text ──parse──▶ value | Problem[]        a Problem never throws, and never loosens what was valid before
 *
 * `code` is stable and may be relied upon; `message` says what and why it matters; `advice` says what to do next.
 * Messages are lower case without a full stop, user text in backticks.
 */
import type { SourceRef } from './source-ref.ts';

export type ProblemCode =
  | 'yaml-syntax'
  | 'file-unreadable'
  | 'file-too-large'
  | 'cluster-unreadable'
  | 'cluster-unwritable'
  | 'object-drift'
  | 'network-policy-opens'
  | 'network-policy-blurred'
  | 'alias-bomb'
  | 'unsafe-key'
  | 'not-an-object'
  | 'unknown-kind'
  | 'unknown-field'
  | 'missing-field'
  | 'wrong-type'
  | 'bad-value'
  | 'duplicate-object'
  | 'missing-tenant'
  | 'missing-mesh'
  | 'dangling-reference'
  | 'sealed-service'
  | 'environment-wall'
  | 'self-grant'
  | 'expired-grant'
  | 'expired-rule'
  | 'reserved-port'
  | 'address-conflict'
  | 'protocol-undeclared'
  | 'port-conflict'
  | 'policy-conflict'
  | 'unsupported-value'
  | 'route-not-attached'
  | 'backend-unresolved'
  | 'region-not-allowed'
  | 'refused-by-proxy'
  | 'not-built'
  | 'loss-held'
  | 'protected-tenant'
  | 'expired-consent'
  | 'probe-not-allowed'
  | 'volume-wall'
  | 'volume-unknown'
  | 'unencrypted-volume'
  | 'image-not-allowed'
  | 'shared-node'
  | 'sidecar-required'
  | 'sidecar-bypass'
  | 'sidecar-changed'
  | 'webhook-open'
  | 'webhook-closed';

export interface ObjectRef {
  readonly kind: string;
  /** Empty for a cluster-scoped object. */
  readonly namespace: string;
  readonly name: string;
}

/** What a status writer of Gateway API says of a route, with status `False`; the types and reasons are its own words. */
export type RouteCondition =
  | { readonly type: 'Accepted'; readonly reason: 'UnsupportedValue' | 'NoMatchingParent' | 'NotAllowedByListeners' }
  | {
      readonly type: 'ResolvedRefs';
      readonly reason: 'RefNotPermitted' | 'BackendNotFound' | 'InvalidKind' | 'UnsupportedProtocol';
    };

export interface Problem {
  readonly code: ProblemCode;
  /** `error`: the object (or the named part) is not in force; `warning`: it is, and the author should look. */
  readonly severity: 'error' | 'warning';
  readonly where: SourceRef;
  /** Field path such as `spec.from.tenant`, empty where the whole object is meant. */
  readonly path: string;
  readonly object?: ObjectRef;
  readonly message: string;
  readonly advice: string;
  /** Of an `HTTPRoute` only. */
  readonly condition?: RouteCondition;
}
