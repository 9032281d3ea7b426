/** `Node`: read for where it stands, which is where its pods run. */
import Type from 'typebox';
import { subdomain } from './fields.ts';
import { topologyLabels } from './kubernetes-fields.ts';

export const nodeSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1', { description: 'Version of this API.' }),
    kind: Type.Literal('Node', { description: 'Kind of the object.' }),
    metadata: Type.Object(
      { name: subdomain('Name of the node.', 'node-1'), labels: Type.Optional(topologyLabels) },
      { description: 'Name and place of the node.' },
    ),
  },
  { description: 'A Kubernetes node.' },
);

export type NodeObject = Type.Static<typeof nodeSchema>;
