/** `Pod`: one workload, and so one proxy. */
import Type from 'typebox';
import { ipAddress, portNumber, subdomain } from './fields.ts';
import { kubernetesList, namespacedMetadata, objectName } from './kubernetes-fields.ts';

const container = Type.Object(
  {
    ports: Type.Optional(
      kubernetesList(
        Type.Object(
          {
            name: Type.Optional(
              Type.String({ description: 'Name that a service may target.', examples: ['http'], maxLength: 63 }),
            ),
            containerPort: portNumber('Port on which the container listens.'),
          },
          { description: 'One port of the container.' },
        ),
        'Ports of the container.',
        256,
      ),
    ),
  },
  { description: 'One container.' },
);

/** Only the annotations that are ours; see `capture.ts`. */
const podAnnotations = Type.Object(
  {
    'coffre.dev/capture': Type.Optional(
      Type.Enum(['transparent', 'explicit'], {
        description:
          'How the sidecar stands before the application: by interception (the default), or by binding addresses of its own.',
        examples: ['explicit'],
      }),
    ),
    'coffre.dev/application-address': Type.Optional(
      ipAddress('Loopback address at which the application listens, under explicit capture.'),
    ),
    'coffre.dev/outbound-addresses': Type.Optional(
      Type.String({
        description:
          'Loopback addresses at which the application dials some of its destinations, instead of those that are allocated.',
        examples: ['shop/db=127.9.0.1, external/api.example=127.9.0.2'],
        minLength: 1,
        maxLength: 8_192,
        pattern: '^[a-z0-9./-]+=[0-9.]+(, ?[a-z0-9./-]+=[0-9.]+)*$',
      }),
    ),
  },
  { description: 'What the pod says of its sidecar.' },
);

const { properties: commonMetadata } = namespacedMetadata(objectName);

export const podSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1', { description: 'Version of this API.' }),
    kind: Type.Literal('Pod', { description: 'Kind of the object.' }),
    metadata: Type.Object(
      { ...commonMetadata, annotations: Type.Optional(podAnnotations) },
      { description: 'Name, namespace, labels and annotations of the pod.' },
    ),
    spec: Type.Object(
      {
        serviceAccountName: Type.Optional(subdomain('Service account of the pod; absent means `default`.', 'cart')),
        nodeName: Type.Optional(
          subdomain('Node that the pod runs on; absent means its own labels say where it is.', 'node-1'),
        ),
        hostNetwork: Type.Optional(
          Type.Boolean({
            description:
              'Whether the pod shares the network of its node; such a pod is outside the mesh, except under explicit capture.',
            examples: [false],
          }),
        ),
        containers: Type.Optional(kubernetesList(container, 'Containers of the pod.', 128)),
        initContainers: Type.Optional(kubernetesList(container, 'Init containers, native sidecars among them.', 128)),
      },
      { description: 'What the pod runs.' },
    ),
    status: Type.Optional(
      Type.Object(
        {
          phase: Type.Optional(
            Type.Enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'], {
              description: 'Phase of the pod; one that has ended keeps its address on paper only.',
              examples: ['Running'],
            }),
          ),
          podIPs: Type.Optional(
            kubernetesList(
              Type.Object({ ip: ipAddress('Address of the pod.') }, { description: 'One address of the pod.' }),
              'Addresses of the pod, IPv4 and IPv6, the primary one first.',
              2,
            ),
          ),
          conditions: Type.Optional(
            kubernetesList(
              Type.Object(
                {
                  type: Type.String({ description: 'Name of the condition.', examples: ['Ready'], maxLength: 316 }),
                  status: Type.Enum(['True', 'False', 'Unknown'], {
                    description: 'Whether the condition holds.',
                    examples: ['True'],
                  }),
                },
                { description: 'One condition of the pod.' },
              ),
              'Conditions of the pod; `Ready` decides whether it is called.',
              64,
            ),
          ),
        },
        { description: 'What the cluster observed of the pod.' },
      ),
    ),
  },
  { description: 'A Kubernetes pod.' },
);

export type PodObject = Type.Static<typeof podSchema>;
