/** The parts of Coffre and of Kubernetes that every pod of the mesh speaks with, and the ports of theirs. */
import { systemNamespace } from '../../model/system-namespace.ts';
import { type Peer, podsOf } from './network-policy.ts';

export const controlPlanePods: Peer = podsOf(systemNamespace, { matchLabels: { 'app.kubernetes.io/name': 'coffre' } });
/** xDS, and evidence. */
export const controlPlanePorts = [15_012, 15_015] as const;

export const workerPods: Peer = podsOf(systemNamespace, { matchLabels: { 'app.kubernetes.io/name': 'coffre-authz' } });
export const workerPort = 15_016;

/** Source: Kubernetes, the label of its DNS whatever program serves it. */
export const resolverPods: Peer = podsOf('kube-system', { matchLabels: { 'k8s-app': 'kube-dns' } });
export const resolverPort = 53;
