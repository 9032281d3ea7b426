/** `Pod`: one workload, and so one proxy. */
import Type from 'typebox';
import { creationTimestamp, ipAddress, portNumber, subdomain } from './fields.ts';
import { kubernetesList, namespacedMetadata, objectName } from './kubernetes-fields.ts';

/** Longest reference to an image, in characters. */
const imageLengthMax = 1_024;
/** Longest signatures of the images of one pod, in characters. */
const signaturesLengthMax = 65_536;

const containerName = Type.Optional(
  Type.String({ description: 'Name of the container.', examples: ['app'], maxLength: 63 }),
);

const image = (description: string) =>
  Type.Optional(Type.String({ description, examples: ['registry.example/app@sha256:…'], maxLength: imageLengthMax }));

const container = Type.Object(
  {
    name: containerName,
    image: image('Image of the container.'),
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
    'coffre.dev/image-signatures': Type.Optional(
      Type.String({
        description: 'Statements about the images of the pod, each with its signature: see `signed-image.ts`.',
        examples: ['[{"payload":"eyJjcml0aWNhbCI6…","signature":"MEUCIQ…"}]'],
        maxLength: signaturesLengthMax,
      }),
    ),
    'coffre.dev/injected-by': Type.Optional(
      Type.String({ description: 'Program that put the sidecar into the pod.', examples: ['1.0.0'], maxLength: 256 }),
    ),
  },
  { description: 'What the pod says of its sidecar.' },
);

const containerStatuses = Type.Optional(
  kubernetesList(
    Type.Object(
      { name: containerName, imageID: image('Image that the node says it runs.') },
      { description: 'What the node says of one container.' },
    ),
    'What the node says of the containers.',
    128,
  ),
);

const { properties: commonMetadata } = namespacedMetadata(objectName);

export const podSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1', { description: 'Version of this API.' }),
    kind: Type.Literal('Pod', { description: 'Kind of the object.' }),
    metadata: Type.Object(
      {
        ...commonMetadata,
        annotations: Type.Optional(podAnnotations),
        creationTimestamp,
        uid: Type.Optional(
          Type.String({
            description: 'Set by the API server: another pod of the same name has another.',
            examples: ['7b1f6c1e-8f0a-4c8e-9a39-0d6f3d2f2c11'],
            maxLength: 128,
          }),
        ),
        deletionTimestamp: Type.Optional(
          Type.String({
            description: 'Set by the API server where the pod is on its way out.',
            examples: ['2027-01-31T18:00:00Z'],
            maxLength: 40,
          }),
        ),
      },
      { description: 'Name, namespace, labels and annotations of the pod, and which pod of that name it is.' },
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
        ephemeralContainers: Type.Optional(kubernetesList(container, 'Guests of a debugger.', 128)),
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
          containerStatuses,
          initContainerStatuses: containerStatuses,
          ephemeralContainerStatuses: containerStatuses,
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
