/** `Tenant`: the owner of one namespace. Its name is the namespace's name, so two on one namespace cannot be written. */
import Type from 'typebox';
import {
  creationTimestamp,
  dnsLabel,
  listOf,
  ourMetadata,
  ourObject,
  ourStatus,
  portNumber,
  region,
  subdomain,
} from './fields.ts';

/** Longest bundle of certificates, in characters: some thirty of them. */
const bundleLengthMax = 65_536;

const externalService = ourObject(
  {
    name: subdomain(
      'DNS name of the service, exact; the only name it is asked for and believed under.',
      'api.bank.example',
    ),
    port: portNumber('Port of the service, where the application dials it too.'),
    protocol: Type.Enum(['http', 'tls', 'tcp'], {
      description:
        'What the application speaks: plain HTTP, to which the sidecar adds TLS (`http`); TLS of its own, carried untouched to exactly this name (`tls`); any other bytes, to which the sidecar adds TLS (`tcp`).',
      examples: ['http'],
    }),
    region: region('Region in which the service answers.', 'eu-west-3'),
    jurisdiction: region('Law under which it answers.', 'FR'),
    caBundle: Type.Optional(
      Type.String({
        description: 'Certificates to believe, PEM, instead of those of the system.',
        examples: ['-----BEGIN CERTIFICATE-----'],
        maxLength: bundleLengthMax,
        pattern: '^-----BEGIN CERTIFICATE-----',
      }),
    ),
  },
  'One service outside the mesh.',
);

/** Most storage classes of one tenant. */
const storageClassesMax = 32;
/** Most providers of one tenant: each has keys to fetch and keep. */
const providersMax = 16;
/** Most audiences or hosted domains of one provider. */
const audiencesMax = 32;
/** Longest URL of a provider, in characters. */
const urlLengthMax = 512;
/** Longest name of a claim, and longest audience, in characters. */
const claimLengthMax = 256;

const identityProvider = ourObject(
  {
    name: dnsLabel('Name of the provider, unique in the tenant; rules call it so.', 'staff'),
    preset: Type.Enum(['google', 'entra', 'okta', 'jumpcloud', 'auth0', 'oidc'], {
      description:
        'Whose tokens they are: Google Workspace, Microsoft Entra ID, Okta, JumpCloud, Auth0, or any issuer with OpenID Connect discovery (`oidc`).',
      examples: ['google'],
    }),
    issuer: Type.String({
      description: 'Exactly the `iss` of its tokens: a trailing slash counts.',
      examples: ['https://accounts.google.com'],
      maxLength: urlLengthMax,
      pattern: '^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*/?$',
    }),
    audiences: listOf(
      Type.String({
        description: 'Client id or API identifier, exactly as in the `aud` of the token.',
        examples: ['api://orders'],
        minLength: 1,
        maxLength: claimLengthMax,
        pattern: '^[!-~]+$',
      }),
      'Audiences that are meant for this tenant: a token must name one, and nobody unknown beside it.',
      audiencesMax,
    ),
    hostedDomains: Type.Optional(
      listOf(
        subdomain('Google Workspace domain, as in the `hd` of the token.', 'example.com'),
        'For `google`, where it is needed: domains whose people are let in. Without it every consumer account would be.',
        audiencesMax,
      ),
    ),
    groupsClaim: Type.Optional(
      Type.String({
        description: 'Claim that lists the groups of a person; absent means the preset’s own.',
        examples: ['https://orders.example/groups'],
        minLength: 1,
        maxLength: claimLengthMax,
        pattern: '^[!-~]+$',
      }),
    ),
    jwksUri: Type.Optional(
      Type.String({
        description: 'Where its keys are, for an issuer without discovery; absent means discovery tells.',
        examples: ['https://idp.example/keys'],
        maxLength: urlLengthMax,
        pattern: '^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)+/?([?][A-Za-z0-9._~=&-]+)?$',
      }),
    ),
  },
  'One OpenID Connect provider.',
);

/** Most registries of one tenant, and most keys by which its images are signed. */
const registriesMax = 32;
const signersMax = 8;
/** Longest public key, in characters: one on P-256 has 180. */
const publicKeyLengthMax = 1_024;
/** Most namespaces whose pods may run beside those of one tenant. */
const toleratedMax = 64;

const images = ourObject(
  {
    registries: listOf(
      Type.String({
        description: 'Registry, or a part of one: `registry.example/shop` means everything below it.',
        examples: ['registry.example/shop'],
        minLength: 1,
        maxLength: 255,
        pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*$',
      }),
      'Where images may come from; each image is to be named by its digest.',
      registriesMax,
    ),
    signedBy: Type.Optional(
      listOf(
        ourObject(
          {
            name: dnsLabel('Name of the key, for its readers.', 'release'),
            publicKey: Type.String({
              description: 'Public key on P-256 or Ed25519, PEM.',
              examples: ['-----BEGIN PUBLIC KEY-----'],
              maxLength: publicKeyLengthMax,
              pattern: '^-----BEGIN PUBLIC KEY-----',
            }),
          },
          'Who vouches for images.',
        ),
        'Keys of which one must have signed each image: the pod brings the statements in `coffre.dev/image-signatures`.',
        signersMax,
      ),
    ),
  },
  'Which images a pod may be made of to have an identity.',
);

const dedicatedNodes = ourObject(
  {
    sharedWith: Type.Optional(
      listOf(
        dnsLabel('Name of a namespace.', 'monitoring'),
        'Namespaces whose pods may run beside those of this tenant, besides `kube-system` and Coffre’s own.',
        toleratedMax,
      ),
    ),
  },
  'Nodes that hold nobody else.',
);

export const tenantSchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('Tenant', { description: 'Kind of the object.' }),
    metadata: ourObject(
      { ...ourMetadata(dnsLabel('Name of the tenant and of its namespace.', 'shop')).properties, creationTimestamp },
      'Name of the tenant, and since when it is one.',
    ),
    spec: ourObject(
      {
        environment: dnsLabel('Environment of the tenant; tenants of different environments never meet.', 'prod'),
        defaultAccess: Type.Optional(
          Type.Enum(['sameTenant', 'none'], {
            description:
              'Who may call a port that no allow rule speaks of: everybody in the tenant (`sameTenant`, the default) or nobody (`none`).',
            examples: ['sameTenant'],
          }),
        ),
        sealedServices: Type.Optional(
          listOf(
            dnsLabel('Name of a service of this tenant.', 'database'),
            'Services that no grant may ever open: the database, the bus.',
          ),
        ),
        egress: Type.Optional(
          listOf(
            externalService,
            'The services outside the mesh that this tenant may call; there is no other way out.',
          ),
        ),
        allowedRegions: Type.Optional(
          listOf(
            region('Name of a region.', 'eu-west-3'),
            'Regions in which requests of this tenant may be answered; absent means any. A place that nobody named is refused.',
          ),
        ),
        allowedZones: Type.Optional(
          listOf(
            region('Name of a zone.', 'eu-west-3a'),
            'Zones in which workloads may answer this tenant; absent means any. A place that nobody named is refused.',
          ),
        ),
        encryptedStorageClasses: Type.Optional(
          listOf(
            subdomain('Name of a storage class.', 'encrypted'),
            'Storage classes that are declared encrypted: a claim of this tenant, or a volume for it, of any other class is refused. Absent means that nothing is demanded.',
            storageClassesMax,
          ),
        ),
        images: Type.Optional(images),
        dedicatedNodes: Type.Optional(dedicatedNodes),
        identityProviders: Type.Optional(
          listOf(
            identityProvider,
            'Providers whose tokens say who a person is, in this tenant and in no other.',
            providersMax,
          ),
        ),
      },
      'What the tenant is.',
    ),
    status: ourStatus,
  },
  'The owner of one namespace, which is its vault.',
);

export type TenantObject = Type.Static<typeof tenantSchema>;
