/**
 * `EndpointSlice`: who answers for a service. Where a service has slices they take the place of its selector.
 *
 * A slice is written by whoever may write to its namespace, so an address in it is a claim: it counts only where it is
 * a pod of the same tenant.
 */
import Type from 'typebox';
import { ipAddress, portNumber, subdomain } from './fields.ts';
import { kubernetesList, namespacedMetadata, objectName } from './kubernetes-fields.ts';

export const endpointSliceSchema = Type.Object(
  {
    apiVersion: Type.Literal('discovery.k8s.io/v1', { description: 'Version of this API.' }),
    kind: Type.Literal('EndpointSlice', { description: 'Kind of the object.' }),
    metadata: namespacedMetadata(objectName),
    addressType: Type.Enum(['IPv4', 'IPv6', 'FQDN'], {
      description: 'Family of the addresses; names (`FQDN`) are not carried.',
      examples: ['IPv4'],
    }),
    endpoints: Type.Optional(
      kubernetesList(
        Type.Object(
          {
            addresses: kubernetesList(ipAddress('Address of a pod.'), 'Addresses of one endpoint.', 100),
            conditions: Type.Optional(
              Type.Object(
                {
                  ready: Type.Optional(
                    Type.Boolean({ description: 'Whether the endpoint is to be called.', examples: [true] }),
                  ),
                },
                { description: 'State of the endpoint.' },
              ),
            ),
            targetRef: Type.Optional(
              Type.Object(
                {
                  kind: Type.Optional(
                    Type.String({ description: 'Kind of the object.', examples: ['Pod'], maxLength: 63 }),
                  ),
                  name: Type.Optional(subdomain('Name of the pod.', 'cart-0')),
                },
                { description: 'The pod behind the endpoint.' },
              ),
            ),
          },
          { description: 'One endpoint.' },
        ),
        'Endpoints of the service.',
        1_000,
      ),
    ),
    ports: Type.Optional(
      kubernetesList(
        Type.Object(
          {
            name: Type.Optional(
              Type.String({
                description: 'Name of the service port it stands for.',
                examples: ['http'],
                maxLength: 63,
              }),
            ),
            port: Type.Optional(portNumber('Port of the pods.')),
          },
          { description: 'One port of the endpoints.' },
        ),
        'Ports of the endpoints.',
        256,
      ),
    ),
  },
  { description: 'A Kubernetes endpoint slice.' },
);

export type EndpointSliceObject = Type.Static<typeof endpointSliceSchema>;
