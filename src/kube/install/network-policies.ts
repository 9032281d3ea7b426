/**
 * Who may speak to the pods of Coffre: everybody to what is there for everybody, since each of these ports asks for a
 * certificate or a token; replicas to each other; and nobody to anything else.
 *
 * The API server and kubelets come from the network of the nodes, which no selector can name. What the control plane and the workers
 * ask for themselves (the API server, sinks, identity providers, sidecars) may be anywhere, but over TCP; names over DNS.
 */
import type { KubeObject } from '../objects.ts';
import { authzName, authzPort, controlPlaneName, healthPort, metadata, partOf, ports, selectorOf } from './parts.ts';

const dnsPort = 53;
const { peers, ...public_ } = ports;

export const networkPolicies: readonly KubeObject[] = [
  policy('coffre-deny', {}, []),
  policy(controlPlaneName, selectorOf(controlPlaneName), [
    { ports: [...Object.values(public_), healthPort].map(tcp) },
    { from: [{ podSelector: { matchLabels: selectorOf(controlPlaneName) } }], ports: [tcp(peers)] },
  ]),
  policy(authzName, selectorOf(authzName), [{ ports: [authzPort, healthPort].map(tcp) }]),
];

function policy(name: string, pods: Readonly<Record<string, string>>, ingress: readonly object[]): KubeObject {
  const isForAll = Object.keys(pods).length === 0;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { ...metadata(name), labels: partOf },
    spec: {
      podSelector: isForAll ? {} : { matchLabels: pods },
      policyTypes: ['Ingress', 'Egress'],
      ...(isForAll ? {} : { ingress, egress: [{ ports: [{ protocol: 'TCP' }, { protocol: 'UDP', port: dnsPort }] }] }),
    },
  };
}

function tcp(port: number) {
  return { protocol: 'TCP', port } as const;
}
