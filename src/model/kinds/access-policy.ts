/**
 * `AccessPolicy`: who may call which workloads of one tenant.
 *
 * No rule of it opens the tenant wall: a rule that names another tenant speaks of callers whom a grant let in.
 * The language as a whole, with its semantics: docs/access-policy.md.
 */
import Type from 'typebox';
import { celLengthMax } from '../cel/check-cel.ts';
import {
  dnsLabel,
  labels,
  listOf,
  methods,
  moment,
  ourNamespacedMetadata,
  ourObject,
  ourStatus,
  paths,
  portNumber,
  subdomain,
} from './fields.ts';

/** Longest value of a header or claim that a rule names, in characters. */
const valueLengthMax = 512;

/** Most headers that one rule names. */
export const headersMax = 16;

/** Visible characters, no comma, which parts values, and no space at an end, which Envoy takes away. */
const headerValuePattern = '^[!-+.-~-]([ -+.-~-]*[!-+.-~-])?$';

function headerValue(description: string, example: string) {
  return Type.String({ description, examples: [example], maxLength: valueLengthMax, pattern: headerValuePattern });
}

const header = Type.Object(
  {
    name: Type.String({
      description: 'Name of the header, in lower case.',
      examples: ['x-team'],
      minLength: 1,
      maxLength: 128,
      pattern: "^[a-z0-9!#$&'*+.^`|~-]+$",
    }),
    exact: Type.Optional(headerValue('The value, exactly.', 'red')),
    prefix: Type.Optional(headerValue('What the value begins with.', 'red-')),
    present: Type.Optional(Type.Boolean({ description: 'Whether the header is there at all.', examples: [true] })),
  },
  {
    description: 'One header: its name, and one of `exact`, `prefix` and `present`.',
    additionalProperties: false,
    minProperties: 2,
    maxProperties: 2,
  },
);

const host = Type.String({
  description: 'Host as `api.example.com`, exactly that, or `*.example.com`, every name below it; without a port.',
  examples: ['*.example.com'],
  minLength: 1,
  maxLength: 253,
  pattern: '^([*][.])?[a-z0-9_-]+([.][a-z0-9_-]+)*$',
});

export const hosts = listOf(host, 'Hosts the rule speaks of; absent means every host.');

export const headers = listOf(header, 'Headers the rule speaks of, all of them must hold.', headersMax);

export const when = Type.String({
  description: 'Condition in CEL over `request`, `source` and `token` that must be true as well.',
  examples: ['request.time.getHours("Europe/Paris") >= 8'],
  minLength: 1,
  maxLength: celLengthMax,
});

const text = (description: string, example: string) =>
  Type.String({ description, examples: [example], minLength: 1, maxLength: valueLengthMax });

const token = Type.Object(
  {
    provider: Type.Optional(
      dnsLabel('Name of an identity provider of this tenant; absent means any of them.', 'staff'),
    ),
    groups: Type.Optional(listOf(text('Name of a group.', 'accounting'), 'Groups, any one of them suffices.')),
    claims: Type.Optional(
      listOf(
        ourObject(
          {
            path: listOf(text('Name of a claim, or of a field in it.', 'department'), 'Names to descend by.', 8),
            values: listOf(text('Value of the claim.', 'finance'), 'Values, any one of them suffices.'),
          },
          'One claim and the values it may have; of a list, any element.',
        ),
        'Claims, every one of them must hold.',
        16,
      ),
    ),
  },
  {
    description: 'What the bearer token of the request must say: it must be valid, and all that is named must hold.',
    additionalProperties: false,
    minProperties: 1,
  },
);

const rule = ourObject(
  {
    from: Type.Optional(
      Type.Object(
        {
          tenants: Type.Optional(listOf(dnsLabel('Name of a tenant.', 'billing'), 'Every workload of these tenants.')),
          serviceAccounts: Type.Optional(
            listOf(
              subdomain('Name of a service account of this namespace.', 'cart'),
              'Workloads of this tenant that run under these service accounts.',
            ),
          ),
          principals: Type.Optional(
            listOf(
              Type.String({
                description: 'SPIFFE ID of a workload of this mesh, exactly.',
                examples: ['spiffe://prod.example/ns/billing/sa/invoicer'],
                minLength: 1,
                maxLength: 2_048,
                pattern: '^spiffe://[a-z0-9.-]+/ns/[a-z0-9-]+/sa/[a-z0-9.-]+$',
              }),
              'Workloads by SPIFFE ID.',
            ),
          ),
        },
        {
          description: 'Callers the rule speaks of, any one of the lists suffices; absent means every caller.',
          additionalProperties: false,
          minProperties: 1,
        },
      ),
    ),
    to: Type.Optional(
      Type.Object(
        {
          methods: Type.Optional(methods),
          paths: Type.Optional(paths),
          ports: Type.Optional(
            listOf(
              portNumber('Port of the workload, on which the application listens.'),
              'Ports of the workload, not of the service; absent means every port.',
              64,
            ),
          ),
          hosts: Type.Optional(hosts),
          headers: Type.Optional(headers),
        },
        {
          description: 'Requests the rule speaks of, all that is named must hold; absent means every request.',
          additionalProperties: false,
          minProperties: 1,
        },
      ),
    ),
    token: Type.Optional(token),
    when: Type.Optional(when),
    notAfter: Type.Optional(
      moment('Moment from which the rule matches nothing any more, in RFC 3339 with a time zone.'),
    ),
  },
  'One rule: these callers, these requests, this token, this condition, until its end.',
);

export const accessPolicySchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('AccessPolicy', { description: 'Kind of the object.' }),
    metadata: ourNamespacedMetadata(),
    spec: ourObject(
      {
        selector: Type.Optional(
          ourObject(
            { matchLabels: Type.Optional(labels('Labels that a workload must all carry.')) },
            'Workloads the policy protects; absent means every workload of the tenant.',
          ),
        ),
        enforcement: Type.Optional(
          Type.Enum(['Enforce', 'Audit'], {
            description:
              '`Audit`: what the policy would refuse is told in decisions and let through. Default `Enforce`.',
            examples: ['Audit'],
          }),
        ),
        allow: Type.Optional(listOf(rule, 'Rules that let a request pass.', 128)),
        deny: Type.Optional(listOf(rule, 'Rules that refuse a request, whatever else allows it.', 128)),
      },
      'Whom the policy protects, and its rules.',
    ),
    status: ourStatus,
  },
  'Who may call which workloads of one tenant.',
);

export type AccessPolicyObject = Type.Static<typeof accessPolicySchema>;
export type AccessRuleObject = Type.Static<typeof rule>;
