/**
 * What every pod of a tenant's namespace is let do, and nothing else: it is the default deny of both directions.
 *
 *   kubelet ──15021──▶ pod ──53──▶ DNS                    control plane ──15004, 15005──▶ pod ──15012, 15015, 15016──▶ Coffre
 *
 * A pod that is in no service and calls nobody lives by this alone. Who may read statistics besides the control plane, the
 * mesh says.
 */
import { isIP } from 'node:net';
import { healthPort, inspectionPort, statisticsPort } from '../../model/ports.ts';
import {
  type EgressRule,
  type IngressRule,
  type NetworkPolicy,
  networkPolicy,
  type Peer,
  tcp,
} from './network-policy.ts';
import {
  controlPlanePods,
  controlPlanePorts,
  resolverPods,
  resolverPort,
  workerPods,
  workerPort,
} from './system-pods.ts';

/** Of the policy. */
const basePolicyName = 'coffre-base';

/** The same for every tenant. */
export interface Surroundings {
  /** Ranges where kubelets ask from; see `node-places.ts`. Empty: none is let in that the network does not let in by itself. */
  readonly kubelets: readonly string[];
  /** Addresses that pods may ask for names. */
  readonly resolvers: readonly string[];
  /** Pods that read statistics, in their order. */
  readonly scrapers: readonly Peer[];
}

export function basePolicy(namespace: string, { kubelets, resolvers, scrapers }: Surroundings): NetworkPolicy {
  const asking = kubelets.map((cidr): Peer => ({ ipBlock: { cidr } }));
  const ingress: readonly IngressRule[] = [
    { from: [controlPlanePods], ports: tcp(inspectionPort, statisticsPort) },
    ...(asking.length === 0 ? [] : [{ from: asking, ports: tcp(healthPort) }]),
    ...(scrapers.length === 0 ? [] : [{ from: scrapers, ports: tcp(statisticsPort) }]),
  ];
  const egress: readonly EgressRule[] = [
    { to: [controlPlanePods], ports: tcp(...controlPlanePorts) },
    { to: [workerPods], ports: tcp(workerPort) },
    {
      to: [resolverPods, ...resolvers.map(hostOf)],
      ports: [...tcp(resolverPort), { protocol: 'UDP', port: resolverPort }],
    },
  ];
  return networkPolicy(namespace, basePolicyName, {}, ingress, egress);
}

export function hostOf(address: string): Peer {
  return { ipBlock: { cidr: `${address}/${isIP(address) === 4 ? 32 : 128}` } };
}
