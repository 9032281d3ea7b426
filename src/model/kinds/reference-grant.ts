/**
 * `ReferenceGrant` of Gateway API: the destination's consent that objects of another namespace name objects of its own.
 *
 * It is half of what a route into another tenant needs; the other half is a `Grant` for the calls. Fields that are not
 * known here are errors: one of them might narrow what is granted.
 */
import Type from 'typebox';
import { dnsLabel, gatewayMetadata, listOf, ourObject, ourStatus, subdomain } from './fields.ts';

/** Most entries of one list. Source: Gateway API, `ReferenceGrantSpec`. */
const entriesMax = 16;

const group = Type.String({
  description: 'API group; empty for Kubernetes’ core.',
  examples: ['gateway.networking.k8s.io'],
  maxLength: 253,
  pattern: '^[a-z0-9.-]*$',
});

function kindName(description: string, example: string) {
  return Type.String({
    description,
    examples: [example],
    minLength: 1,
    maxLength: 63,
    pattern: '^[A-Za-z][A-Za-z0-9-]*$',
  });
}

export const referenceGrantSchema = ourObject(
  {
    apiVersion: Type.Enum(['gateway.networking.k8s.io/v1beta1', 'gateway.networking.k8s.io/v1'], {
      description: 'Version of this API; both say the same.',
      examples: ['gateway.networking.k8s.io/v1beta1'],
    }),
    kind: Type.Literal('ReferenceGrant', { description: 'Kind of the object.' }),
    metadata: gatewayMetadata(),
    spec: ourObject(
      {
        from: listOf(
          ourObject(
            {
              group,
              kind: kindName('Kind of the objects that may refer.', 'HTTPRoute'),
              namespace: dnsLabel('Namespace of the objects that may refer.', 'shop'),
            },
            'Who may refer.',
          ),
          'Who may refer; any one suffices.',
          entriesMax,
        ),
        to: listOf(
          ourObject(
            {
              group,
              kind: kindName('Kind of the objects that may be referred to.', 'Service'),
              name: Type.Optional(subdomain('Name of the object; absent means every object of the kind.', 'api')),
            },
            'What may be referred to.',
          ),
          'What may be referred to, in the namespace of this object; any one suffices.',
          entriesMax,
        ),
      },
      'Who may refer to what.',
    ),
    status: ourStatus,
  },
  'Consent that objects of another namespace refer to objects of this one.',
);

export type ReferenceGrantObject = Type.Static<typeof referenceGrantSchema>;
