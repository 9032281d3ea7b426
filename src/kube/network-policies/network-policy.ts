/**
 * Kubernetes' NetworkPolicy (networking.k8s.io/v1), as far as it is written here.
 *
 * Every list that would be empty is left out, and every default is written out: so what is written is what an API server
 * keeps, and the two can be compared.
 */

export interface NetworkPolicy {
  readonly apiVersion: 'networking.k8s.io/v1';
  readonly kind: 'NetworkPolicy';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly podSelector: LabelSelector;
    readonly policyTypes: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: readonly IngressRule[];
    readonly egress?: readonly EgressRule[];
  };
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly LabelExpression[];
}

export type LabelExpression =
  | { readonly key: string; readonly operator: 'DoesNotExist' }
  | { readonly key: string; readonly operator: 'In'; readonly values: readonly string[] };

export type Peer =
  | { readonly namespaceSelector: LabelSelector; readonly podSelector: LabelSelector }
  | { readonly ipBlock: { readonly cidr: string; readonly except?: readonly string[] } };

export interface PortOfPolicy {
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

export interface IngressRule {
  readonly from: readonly Peer[];
  readonly ports: readonly PortOfPolicy[];
}

export interface EgressRule {
  readonly to: readonly Peer[];
  readonly ports: readonly PortOfPolicy[];
}

/** Which an API server puts on every namespace, and lets nobody change. */
const namespaceName = 'kubernetes.io/metadata.name';

export function podsOf(namespace: string, podSelector: LabelSelector): Peer {
  return { namespaceSelector: { matchLabels: { [namespaceName]: namespace } }, podSelector };
}

/** @param namespaces sorted. */
export function podsOfAny(namespaces: readonly string[]): Peer {
  const named = { key: namespaceName, operator: 'In', values: namespaces } as const;
  return { namespaceSelector: { matchExpressions: [named] }, podSelector: {} };
}

export function tcp(...ports: readonly number[]): readonly PortOfPolicy[] {
  return ports.map((port) => ({ protocol: 'TCP', port }));
}

export function networkPolicy(
  namespace: string,
  name: string,
  podSelector: LabelSelector,
  ingress: readonly IngressRule[],
  egress: readonly EgressRule[],
): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec: {
      podSelector,
      policyTypes: ['Ingress', 'Egress'],
      ...(ingress.length === 0 ? {} : { ingress }),
      ...(egress.length === 0 ? {} : { egress }),
    },
  };
}
