/**
 * The resource types that Envoy asks for, and what the protocol fixes of their order and rules. Any other type is served
 * as well, after these and without privileges; so are extension configurations (ECDS), for which it fixes nothing.
 *
 *   SDS ─▶ CDS ─▶ EDS ─▶ LDS ─▶ RDS ─▶ others          RTDS stands apart: Envoy starts nothing before it is answered
 *
 * Protocol: Envoy docs, api-docs/xds_protocol, "Eventual consistency considerations" and "Resource Types".
 */
export const typeUrls = {
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  runtime: 'type.googleapis.com/envoy.service.runtime.v3.Runtime',
  extension: 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
} as const;

/** Make before break: a type is updated behind those of a lower rank. Types of equal rank do not wait for each other. */
const ranks: ReadonlyMap<string, number> = new Map([
  [typeUrls.secret, 0],
  [typeUrls.cluster, 1],
  [typeUrls.endpoints, 2],
  [typeUrls.listener, 3],
  [typeUrls.route, 4],
]);

const rankOfOthers = 5;

export function rankOf(typeUrl: string): number {
  return ranks.get(typeUrl) ?? rankOfOthers;
}

/** A runtime layer depends on no other resource, and every other resource may wait for it. */
export function isIndependent(typeUrl: string): boolean {
  return typeUrl === typeUrls.runtime;
}

/** Types without which a new cluster cannot finish warming, and so without which Envoy acknowledges no CDS. */
export function isAwaitedByClusters(typeUrl: string): boolean {
  return typeUrl === typeUrls.endpoints || typeUrl === typeUrls.secret;
}

/** Types of which a SotW response is the whole truth: absence means deletion. In no other type can SotW delete. */
export function isFullState(typeUrl: string): boolean {
  return typeUrl === typeUrls.listener || typeUrl === typeUrls.cluster;
}

/** Types of which a first request without names means "everything"; "*" means it for every type. */
export function hasLegacyWildcard(typeUrl: string): boolean {
  return isFullState(typeUrl);
}

/** Types of which a snapshot holds what its client may have: asking for another one is worth the operator's look. */
export function isEntitlement(typeUrl: string): boolean {
  return typeUrl === typeUrls.secret;
}

/** The known types whose resources refer to others by name. */
export const referringTypes: readonly string[] = [typeUrls.cluster, typeUrls.listener, typeUrls.route];

/**
 * Whether a resource of type `user` may refer to one of type `used`, so that `used` is taken away after `user`.
 * Types this room does not know may refer to clusters and secrets, and be referred to by listeners.
 */
export function mayUse(user: string, used: string): boolean {
  const known = ranks.has(user);
  switch (used) {
    case typeUrls.listener:
      return false;
    case typeUrls.cluster:
      return !known || user === typeUrls.listener || user === typeUrls.route;
    case typeUrls.endpoints:
      return user === typeUrls.cluster;
    case typeUrls.secret:
      return !known || user === typeUrls.listener || user === typeUrls.cluster;
    default:
      return user === typeUrls.listener;
  }
}
