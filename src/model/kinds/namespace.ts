/** `Namespace`: read so that an author who wrote the namespace and forgot the tenant is told. */
import Type from 'typebox';
import { dnsLabel } from './fields.ts';

export const namespaceSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1', { description: 'Version of this API.' }),
    kind: Type.Literal('Namespace', { description: 'Kind of the object.' }),
    metadata: Type.Object(
      { name: dnsLabel('Name of the namespace.', 'shop') },
      { description: 'Name of the namespace.' },
    ),
  },
  { description: 'A Kubernetes namespace.' },
);

export type NamespaceObject = Type.Static<typeof namespaceSchema>;
