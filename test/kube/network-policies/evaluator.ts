/**
 * What a network that keeps to NetworkPolicies lets through: a small reading of the specification, from its documentation
 * and from nothing of src.
 *
 *   1. a pod that no policy of a direction selects is open in that direction
 *   2. a pod that one selects is open to what some rule of some such policy says, and to nothing else
 *   3. a connection passes where the way out of its source and the way into its destination are both open
 *
 * Pods in their node's network are nobody's to select: they are their node's address.
 */
import { BlockList, isIP } from 'node:net';

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol?: string; readonly port?: number; readonly endPort?: number }[];
}

export interface Policy {
  readonly metadata: { readonly namespace: string };
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

export type Place =
  | {
      readonly kind: 'pod';
      readonly namespace: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly address: string;
    }
  | { readonly kind: 'address'; readonly address: string };

export interface Connection {
  readonly from: Place;
  readonly to: Place;
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

export function passes(policies: readonly Policy[], connection: Connection): boolean {
  return isOpen(policies, connection, 'Egress') && isOpen(policies, connection, 'Ingress');
}

function isOpen(policies: readonly Policy[], connection: Connection, direction: 'Ingress' | 'Egress'): boolean {
  const { from, to } = connection;
  const [own, other] = direction === 'Ingress' ? [to, from] : [from, to];
  if (own.kind === 'address') return true;
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === own.namespace &&
      typesOf(spec).includes(direction) &&
      isSelected(spec.podSelector, own.labels),
  );
  if (selecting.length === 0) return true;
  return selecting.some(({ metadata, spec }) =>
    ((direction === 'Ingress' ? spec.ingress : spec.egress) ?? []).some((rule) => {
      const peers = direction === 'Ingress' ? rule.from : rule.to;
      const isPeer =
        peers === undefined || peers.length === 0 || peers.some((peer) => takes(peer, metadata.namespace, other));
      return isPeer && takesPort(rule, connection);
    }),
  );
}

/** Where it says nothing, a policy is of ingress, and of egress where it has rules of it. */
function typesOf({ policyTypes, egress }: Policy['spec']): readonly string[] {
  return policyTypes ?? (egress === undefined || egress.length === 0 ? ['Ingress'] : ['Ingress', 'Egress']);
}

function takesPort({ ports }: Rule, { port, protocol = 'TCP' }: Connection): boolean {
  if (ports === undefined || ports.length === 0) return true;
  return ports.some((each) => {
    if ((each.protocol ?? 'TCP') !== protocol) return false;
    return each.port === undefined || (port >= each.port && port <= (each.endPort ?? each.port));
  });
}

function takes({ podSelector, namespaceSelector, ipBlock }: Peer, namespace: string, place: Place): boolean {
  if (ipBlock !== undefined) {
    return within(ipBlock.cidr, place.address) && !(ipBlock.except ?? []).some((range) => within(range, place.address));
  }
  if (place.kind === 'address') return false;
  const isThere =
    namespaceSelector === undefined
      ? place.namespace === namespace
      : isSelected(namespaceSelector, { 'kubernetes.io/metadata.name': place.namespace });
  return isThere && isSelected(podSelector ?? {}, place.labels);
}

function isSelected(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const isEach = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    isEach &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        default:
          throw new Error(`\`${operator}\` is no operator of a selector`);
      }
    })
  );
}

function within(range: string, address: string): boolean {
  const [network = '', prefix = ''] = range.split('/');
  if (isIP(network) !== isIP(address)) return false;
  const family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family);
  return list.check(address, family);
}
