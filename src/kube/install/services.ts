/** Under which addresses the parts of Coffre are reached. */
import type { KubeObject } from '../objects.ts';
import { authzName, authzPort, controlPlaneName, metadata, ports, replicasName, selectorOf } from './parts.ts';

/** What an API server asks without naming a port. */
const httpsPort = 443;

export const services: readonly KubeObject[] = [
  service(controlPlaneName, controlPlaneName, [
    portOf('xds', ports.xds, 'grpc'),
    portOf('evidence', ports.evidence, 'grpc'),
    portOf('admin', ports.admin, 'https'),
    { ...portOf('webhook', httpsPort, 'https'), targetPort: 'webhook' },
  ]),
  service(replicasName, controlPlaneName, [portOf('peers', ports.peers, 'grpc')], {
    clusterIP: 'None',
    // Replicas look for each other before they are ready, and do not lose each other when one is not.
    publishNotReadyAddresses: true,
  }),
  service(authzName, authzName, [portOf('authz', authzPort, 'grpc')]),
];

function service(name: string, of: string, portList: readonly object[], rest: object = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata(name),
    spec: { ...rest, selector: selectorOf(of), ports: portList },
  };
}

function portOf(name: string, port: number, appProtocol: string) {
  return { name, port, targetPort: name, protocol: 'TCP', appProtocol };
}
