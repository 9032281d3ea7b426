/** `Service`: a name, its virtual addresses, and the ports of the pods behind them. */
import Type from 'typebox';
import { dnsLabel, ipAddress, labels, portNumber } from './fields.ts';
import { kubernetesList, namespacedMetadata } from './kubernetes-fields.ts';

const servicePort = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        description: 'Name of the port; a prefix such as `http-` declares its protocol.',
        examples: ['http'],
        maxLength: 63,
        pattern: '^([a-z0-9]([a-z0-9-]*[a-z0-9])?)?$',
      }),
    ),
    port: portNumber('Port that callers dial.'),
    targetPort: Type.Optional(
      Type.Union(
        [
          portNumber('Port of the pod.'),
          Type.String({ description: 'Name of a container port.', minLength: 1, maxLength: 63 }),
        ],
        {
          description:
            'Port of the pod, by number or by the name of a container port; absent means the same as `port`.',
          examples: [8080],
        },
      ),
    ),
    protocol: Type.Optional(
      Type.Enum(['TCP', 'UDP', 'SCTP'], {
        description: 'Transport protocol; only TCP is carried.',
        examples: ['TCP'],
      }),
    ),
    appProtocol: Type.Optional(
      Type.String({ description: 'Application protocol of the port.', examples: ['http'], maxLength: 253 }),
    ),
  },
  { description: 'One port of the service.' },
);

const clusterIp = Type.Union([Type.Enum(['None', '']), ipAddress('Virtual address.')], {
  description: 'Virtual address of the service, or `None` for a headless service.',
  examples: ['10.96.0.10'],
});

export const serviceSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1', { description: 'Version of this API.' }),
    kind: Type.Literal('Service', { description: 'Kind of the object.' }),
    metadata: namespacedMetadata(dnsLabel('Name of the service.', 'api')),
    spec: Type.Object(
      {
        type: Type.Optional(
          Type.Enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'], {
            description: 'Type of the service; `ExternalName` is not carried.',
            examples: ['ClusterIP'],
          }),
        ),
        clusterIP: Type.Optional(clusterIp),
        clusterIPs: Type.Optional(kubernetesList(clusterIp, 'Virtual addresses of the service, one a family.', 2)),
        selector: Type.Optional(labels('Labels of the pods behind the service.')),
        ports: Type.Optional(kubernetesList(servicePort, 'Ports of the service.', 256)),
      },
      { description: 'Addresses, ports and pods of the service.' },
    ),
  },
  { description: 'A Kubernetes service.' },
);

export type ServiceObject = Type.Static<typeof serviceSchema>;
export type ServicePortObject = Type.Static<typeof servicePort>;
