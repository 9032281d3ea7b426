/** `Tenant`: the owner of one namespace. Its name is the namespace's name, so two on one namespace cannot be written. */
import Type from 'typebox';
import { dnsLabel, listOf, ourMetadata, ourObject, ourStatus, portNumber, region, subdomain } from './fields.ts';

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

export const tenantSchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('Tenant', { description: 'Kind of the object.' }),
    metadata: ourMetadata(dnsLabel('Name of the tenant and of its namespace.', 'shop')),
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
      },
      'What the tenant is.',
    ),
    status: ourStatus,
  },
  'The owner of one namespace, which is its vault.',
);

export type TenantObject = Type.Static<typeof tenantSchema>;
