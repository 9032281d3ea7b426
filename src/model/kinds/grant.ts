/** `Grant`: the destination's written consent to one path, or to one volume, for one other tenant. It lives in the destination's namespace. */
import Type from 'typebox';
import { headers, hosts, when } from './access-policy.ts';
import {
  dnsLabel,
  listOf,
  methods,
  moment,
  ourNamespacedMetadata,
  ourObject,
  ourStatus,
  paths,
  portNumber,
  prose,
  subdomain,
} from './fields.ts';

export const grantSchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('Grant', { description: 'Kind of the object.' }),
    metadata: ourNamespacedMetadata(),
    spec: ourObject(
      {
        from: ourObject(
          {
            tenant: dnsLabel('Tenant whose workloads may call.', 'billing'),
            serviceAccounts: Type.Optional(
              listOf(
                subdomain('Name of a service account of that tenant.', 'invoicer'),
                'Service accounts that may call; absent means every one of that tenant.',
              ),
            ),
          },
          'Who may call.',
        ),
        to: ourObject(
          {
            service: Type.Optional(dnsLabel('Service of this namespace that may be called.', 'api')),
            volume: Type.Optional(
              subdomain(
                'Volume claim of this namespace whose data may be used: by a volume on the same storage, by its snapshots, or by taking it over.',
                'archive',
              ),
            ),
            ports: Type.Optional(
              listOf(
                portNumber('Port of the service, as callers dial it.'),
                'Ports that may be called; absent means every port, or every HTTP port where something of a request is named.',
                64,
              ),
            ),
            methods: Type.Optional(methods),
            paths: Type.Optional(paths),
            hosts: Type.Optional(hosts),
            headers: Type.Optional(headers),
          },
          'What may be called, or the volume that may be used.',
        ),
        when: Type.Optional(when),
        notAfter: Type.Optional(moment('Moment from which the grant is dead, in RFC 3339 with a time zone.')),
        reason: prose('Why the path is open, for the people who will ask.', 'billing reads orders once a day'),
      },
      'One way through the wall.',
    ),
    status: ourStatus,
  },
  'Consent of the destination to one path, or to one volume, for one other tenant.',
);

export type GrantObject = Type.Static<typeof grantSchema>;
