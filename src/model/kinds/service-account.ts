/** `ServiceAccount`: read so that a rule which names an account that nobody has is told to its author. */
import Type from 'typebox';
import { namespacedMetadata, objectName } from './kubernetes-fields.ts';

export const serviceAccountSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1', { description: 'Version of this API.' }),
    kind: Type.Literal('ServiceAccount', { description: 'Kind of the object.' }),
    metadata: namespacedMetadata(objectName),
  },
  { description: 'A Kubernetes service account.' },
);

export type ServiceAccountObject = Type.Static<typeof serviceAccountSchema>;
