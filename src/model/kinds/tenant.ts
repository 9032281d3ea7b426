/** `Tenant`: the owner of one namespace. Its name is the namespace's name, so two on one namespace cannot be written. */
import Type from 'typebox';
import { dnsLabel, listOf, ourMetadata, ourObject, ourStatus } from './fields.ts';

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
      },
      'What the tenant is.',
    ),
    status: ourStatus,
  },
  'The owner of one namespace, which is its vault.',
);

export type TenantObject = Type.Static<typeof tenantSchema>;
