/**
 * What one client has asked for, for one resource type, on one stream: a value, shared by both protocols.
 *
 * The surprise: a wildcard has two spellings, "*" and a silent first request. In SotW the silent one ends when a name
 * is given; in delta it lives on beside the names until "*" is unsubscribed. Once ended it never comes back.
 * Protocol: Envoy docs, api-docs/xds_protocol, "How the client specifies what resources to return".
 */
export interface Subscription {
  readonly wildcard: 'none' | 'legacy' | 'explicit';
  /** Without "*". */
  readonly names: ReadonlySet<string>;
}

export const noSubscription: Subscription = { wildcard: 'none', names: new Set() };

export const legacyWildcard: Subscription = { wildcard: 'legacy', names: new Set() };

export function wants({ wildcard, names }: Subscription, name: string): boolean {
  return wildcard !== 'none' || names.has(name);
}

/** A SotW list of names as a subscription; an empty list is none. */
export function subscriptionTo(list: readonly string[]): Subscription {
  const names = new Set(list);
  const wildcard = names.delete('*') ? 'explicit' : 'none';
  return { wildcard, names };
}
