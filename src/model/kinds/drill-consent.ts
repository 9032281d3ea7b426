/**
 * `DrillConsent`: which drills may touch this tenant, as target and as caller, and within which bounds.
 *
 * A drill needs two of them, the target's and the caller's, be they one and the same tenant: without both it is not
 * armed, and nothing that is started could strike.
 */
import Type from 'typebox';
import { type DrillMethodKind, drillMethodKinds } from '../drill.ts';
import { dayNames } from '../drill-words.ts';
import { dnsLabel, duration, listOf, moment, ourNamespacedMetadata, ourObject, ourStatus, percent } from './fields.ts';

const bounds = {
  methods: listOf(
    Type.Enum<DrillMethodKind[]>([...drillMethodKinds], {
      description: 'Way in which something may go wrong.',
      examples: ['openBreaker'],
    }),
    'What may go wrong.',
    drillMethodKinds.length,
  ),
  maxDuration: duration('Longest fault, from 1s to 24h.', '10m'),
  maxPercent: percent('Largest share of the callers that may feel it'),
};

function timeOfDay(description: string, example: string) {
  return Type.String({
    description,
    examples: [example],
    minLength: 5,
    maxLength: 5,
    pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$',
  });
}

export const drillConsentSchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('DrillConsent', { description: 'Kind of the object.' }),
    metadata: ourNamespacedMetadata(),
    spec: ourObject(
      {
        asTarget: Type.Optional(
          ourObject(
            {
              services: listOf(dnsLabel('Service of this namespace.', 'api'), 'Services that may be struck.'),
              callerTenants: listOf(dnsLabel('Name of a tenant.', 'shop'), 'Tenants whose callers may feel it.'),
              ...bounds,
            },
            'Drills that strike services of this tenant; absent means none.',
          ),
        ),
        asCaller: Type.Optional(
          ourObject(
            {
              targetTenants: listOf(dnsLabel('Name of a tenant.', 'shop'), 'Tenants whose services may be struck.'),
              ...bounds,
            },
            'Drills that callers of this tenant may feel; absent means none.',
          ),
        ),
        windows: Type.Optional(
          listOf(
            ourObject(
              {
                days: listOf(
                  Type.Enum([...dayNames], { description: 'Day of the week, in UTC.', examples: ['Tue'] }),
                  'Days of the week.',
                  dayNames.length,
                ),
                from: timeOfDay('Moment of these days from which drills may run, in UTC.', '09:00'),
                to: timeOfDay('Moment of these days at which they must be over, in UTC, 24:00 at most.', '17:00'),
              },
              'Hours of some days of the week.',
            ),
            'When drills may run; absent means at any time.',
            32,
          ),
        ),
        notAfter: Type.Optional(moment('Moment from which the consent is dead, in RFC 3339 with a time zone.')),
      },
      'What may be done to this tenant.',
    ),
    status: ourStatus,
  },
  'Consent of a tenant to drills.',
);

export type DrillConsentObject = Type.Static<typeof drillConsentSchema>;
