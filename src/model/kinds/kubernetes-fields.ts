/**
 * Fields of Kubernetes' own kinds, as far as they are read.
 *
 * An API server has judged these objects already and they carry far more than we read: unknown fields are no mistake,
 * and what is not named in a schema here is dropped, so that it moves no revision.
 */
import Type, { type TSchema } from 'typebox';
import { dnsLabel, labels, subdomain } from './fields.ts';

const objectLabels = Type.Optional(labels('Labels of the object.'));

/** A list of Kubernetes' own, which may be empty. */
export function kubernetesList<Item extends TSchema>(item: Item, description: string, itemsMax: number) {
  return Type.Array(item, { description, maxItems: itemsMax });
}

export function namespacedMetadata<Name extends TSchema>(name: Name) {
  return Type.Object(
    { name, namespace: dnsLabel('Namespace of the object.', 'shop'), labels: objectLabels },
    { description: 'Name, namespace and labels of the object.' },
  );
}

export const objectName = subdomain('Name of the object, unique in its namespace.', 'cart');

/** Only the two labels that say where a node is: its others come and go and are nobody's business here. */
export const topologyLabels = Type.Object(
  {
    'topology.kubernetes.io/region': Type.Optional(
      Type.String({ description: 'Region of the node.', examples: ['eu-west-3'], maxLength: 63 }),
    ),
    'topology.kubernetes.io/zone': Type.Optional(
      Type.String({ description: 'Zone of the node.', examples: ['eu-west-3a'], maxLength: 63 }),
    ),
  },
  { description: 'Where the node is.' },
);
