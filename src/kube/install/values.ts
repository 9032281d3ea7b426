/**
 * What whoever installs may say, each with its limits, its description and an example.
 *
 * One schema, read four times: TypeScript takes the type from it, `coffre install` its refusals, a Helm chart its
 * `values.schema.json`, and `values.yaml` its comments. What is no value here is the same in every installation.
 *
 * Every value ends up in an object of a cluster, so none may hold what could end a string there: patterns say what it is
 * made of. They stay inside RE2, which Helm uses.
 */
import Type from 'typebox';
import { dnsLabel, labels, ourObject, subdomain } from '../../model/kinds/fields.ts';
import { meshSchema } from '../../model/kinds/mesh.ts';

/** Longest reference of an image: a host, a path, a tag and a digest. */
const imageLengthMax = 512;
/** Most replicas: each holds the whole mesh, and is asked by all others about drills. */
const replicasMax = 16;
/** Most entries of a list here. */
const listMax = 32;

function image(what: string, example: string) {
  return Type.String({
    description: `${what}, by digest: who can write to a registry can move a tag.`,
    examples: [example],
    minLength: 1,
    maxLength: imageLengthMax,
    pattern:
      '^[a-z0-9][A-Za-z0-9._/-]*(:[0-9]+/[A-Za-z0-9._/-]+)?(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{64})?$',
  });
}

function quantity(what: string, example: string, pattern: string) {
  return Type.String({ description: `${what}.`, examples: [example], maxLength: 16, pattern });
}

const cpu = (what: string, example: string) => quantity(what, example, '^[1-9][0-9]*m?$');
const bytes = (what: string, example: string) => quantity(what, example, '^[1-9][0-9]*(k|M|G|T|Ki|Mi|Gi|Ti)?$');

function resources() {
  return ourObject(
    {
      requests: ourObject(
        { cpu: cpu('CPU that is kept free', '250m'), memory: bytes('Memory that is kept free', '512Mi') },
        'What a node must have to spare.',
      ),
      limits: ourObject(
        {
          cpu: Type.Optional(cpu('CPU at most; absent: what is idle', '2')),
          memory: bytes('Memory at most; beyond it the process is ended', '1Gi'),
        },
        'What a replica may take.',
      ),
    },
    'What a replica needs and may take.',
  );
}

const toleration = ourObject(
  {
    key: Type.Optional(Type.String({ description: 'Key of a taint.', examples: ['dedicated'], maxLength: 317 })),
    operator: Type.Optional(
      Type.Enum(['Exists', 'Equal'], { description: 'How its value is compared.', examples: ['Equal'] }),
    ),
    value: Type.Optional(Type.String({ description: 'Value of the taint.', examples: ['mesh'], maxLength: 63 })),
    effect: Type.Optional(
      Type.Enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], {
        description: 'Effect of the taint.',
        examples: ['NoSchedule'],
      }),
    ),
  },
  'A taint that does not keep the pods away.',
);

function placed(what: string, replicas: string) {
  return ourObject(
    {
      replicas: Type.Integer({ description: replicas, examples: [2], minimum: 1, maximum: replicasMax }),
      resources: resources(),
      nodeSelector: labels('Labels that a node must have.'),
      tolerations: Type.Array(toleration, { description: 'Taints that do not keep the pods away.', maxItems: listMax }),
    },
    what,
  );
}

export const valuesSchema = ourObject(
  {
    images: ourObject(
      {
        coffre: image('Control plane and authorization workers', 'registry.example/coffre@sha256:…'),
        redirect: image(
          'Init container that leads a pod through its sidecar',
          'registry.example/coffre-redirect@sha256:…',
        ),
        envoy: image('Sidecar', 'registry.example/envoy@sha256:…'),
        pullSecrets: Type.Array(subdomain('Name of a Secret of `coffre-system`.', 'registry'), {
          description: 'Secrets by which the image of Coffre is pulled.',
          maxItems: listMax,
        }),
      },
      'The three images.',
    ),
    trustDomain: Type.Optional(
      Type.String({
        ...meshSchema.properties.spec.properties.trustDomain,
        description:
          'SPIFFE trust domain, the first part of every identity; a Mesh that says no more is installed with it. Absent: you write the Mesh, and until then nobody is served.',
      }),
    ),
    controlPlane: placed(
      'The control plane: serves sidecars, webhooks and certificates.',
      'Replicas of the control plane; all of them serve, one of them leads.',
    ),
    authz: placed('The authorization workers: judge requests.', 'Authorization workers; each holds every policy.'),
    evidence: ourObject(
      {
        kind: Type.Enum(['claim', 'ephemeral', 'postgres'], {
          description:
            'Where evidence is kept: on a volume of each replica, in the pod and lost with it, or in a PostgreSQL that all replicas share.',
          examples: ['claim'],
        }),
        size: bytes('Size of each replica’s volume', '10Gi'),
        storageClass: Type.Optional(subdomain('Class of the volumes; absent: the cluster’s default.', 'encrypted')),
        postgresSecret: Type.Optional(
          subdomain('Secret of `coffre-system` whose key `connection` holds the connection string.', 'coffre-evidence'),
        ),
      },
      'Where evidence is kept.',
    ),
    stateKey: Type.Optional(
      ourObject(
        {
          secretProviderClass: subdomain('SecretProviderClass of `coffre-system`.', 'coffre-state-key'),
          file: Type.String({
            description: 'Name of the file with the key, 32 bytes in base64.',
            examples: ['state-key'],
            minLength: 1,
            maxLength: 253,
            pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]*$',
          }),
        },
        'Key store that the key of the state is mounted from, by the Secrets Store CSI driver; absent: it lies in a Secret beside what it seals.',
      ),
    ),
    logLevel: Type.Enum(['debug', 'info', 'warn', 'error'], {
      description: 'Least severity that is logged.',
      examples: ['info'],
    }),
    ipFamily: Type.Enum(['IPv4', 'IPv6'], {
      description: 'Addresses that the pods listen on: the first family of the cluster.',
      examples: ['IPv4'],
    }),
    spread: Type.Enum(['preferred', 'required'], {
      description: 'Whether replicas must lie on nodes and in zones of their own, or should where that is possible.',
      examples: ['required'],
    }),
    webhooks: ourObject(
      {
        clients: Type.Enum(['cluster', 'authority', 'anyone'], {
          description:
            'By whom API servers are known: by what the cluster says of them, by a certificate of an authority that you name, or not at all, where a cluster’s API servers present none and only they reach the port.',
          examples: ['cluster'],
        }),
        authorityConfigMap: Type.Optional(
          subdomain('ConfigMap of `coffre-system` whose key `ca.crt` holds that authority.', 'api-server-clients'),
        ),
        clientNames: Type.Array(
          Type.String({
            description: 'Common name in an API server’s client certificate.',
            examples: ['kube-apiserver'],
            minLength: 1,
            maxLength: 64,
            pattern: '^[A-Za-z0-9][A-Za-z0-9:._-]*$',
          }),
          {
            description: 'Whom of that authority’s clients the webhooks believe to be API servers.',
            maxItems: listMax,
          },
        ),
        exemptNamespaces: Type.Array(dnsLabel('Name of a namespace, which can be no tenant’s.', 'calico-system'), {
          description:
            'Namespaces beside `kube-system` and `coffre-system` whose pods nobody is asked about: where the network of the nodes, or the drivers of their disks, come from.',
          maxItems: listMax,
        }),
        unproxied: Type.Array(
          Type.String({
            description: 'Service account, as `NAMESPACE/NAME`.',
            examples: ['shop/node-agent'],
            maxLength: 317,
            pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
          }),
          { description: 'Service accounts whose pods may ask to be without a sidecar.', maxItems: listMax },
        ),
        caretakers: Type.Array(
          Type.String({
            description: 'Name of a user, as the API server knows it.',
            examples: ['system:serviceaccount:ops:mesh'],
            minLength: 1,
            maxLength: 256,
            pattern: '^[A-Za-z0-9][A-Za-z0-9@:._/-]*$',
          }),
          { description: 'Users that may change what is Coffre’s in a pod.', maxItems: listMax },
        ),
      },
      'Whom API servers ask, and about what.',
    ),
  },
  'Values of an installation of Coffre.',
);

export type Values = Type.Static<typeof valuesSchema>;
export type Placed = Values['controlPlane'];
