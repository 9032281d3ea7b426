/** `Mesh`, named `default`: what holds for every tenant. Without it nothing is served. */
import Type from 'typebox';
import { defaultDrillRules } from '../drill.ts';
import { dnsLabel, duration, ipAddress, listOf, ourMetadata, ourObject, ourStatus, portNumber } from './fields.ts';
import { evidenceSchema, telemetrySchema, tracingSchema } from './mesh-evidence.ts';

const { maxConcurrent, secondPersonAbove } = defaultDrillRules;

export const meshSchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('Mesh', { description: 'Kind of the object.' }),
    metadata: ourMetadata(Type.Literal('default', { description: 'There is one mesh, and it is named `default`.' })),
    spec: ourObject(
      {
        trustDomain: Type.String({
          description: 'SPIFFE trust domain, the first part of every identity.',
          examples: ['prod.example'],
          minLength: 1,
          maxLength: 255,
          pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
        }),
        certificates: Type.Optional(
          ourObject(
            {
              leafLifetime: Type.Optional(
                Type.String({
                  description:
                    'Life of a workload certificate, as a number with s, m or h, from 10m to 720h; it is renewed at half of it.',
                  examples: ['24h'],
                  maxLength: 16,
                  pattern: '^[1-9][0-9]*(s|m|h)$',
                }),
              ),
            },
            'Workload certificates.',
          ),
        ),
        authorization: Type.Optional(
          ourObject(
            {
              mode: Type.Optional(
                Type.Enum(['everyRequest', 'dynamicOnly'], {
                  description:
                    'Which HTTP requests an authorization worker judges: every one (the default), or only those that the proxy cannot judge alone.',
                  examples: ['everyRequest'],
                }),
              ),
            },
            'Who judges requests.',
          ),
        ),
        privateProviders: Type.Optional(
          listOf(
            ourObject(
              {
                host: Type.String({
                  description: 'Host of the provider, exactly as in its `issuer` or `jwksUri`.',
                  examples: ['sso.corp.example'],
                  maxLength: 253,
                  pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$',
                }),
                port: Type.Optional(portNumber('Port of the provider; 443 by default.')),
                addresses: listOf(
                  Type.String({
                    description: 'Private range that its addresses are in, such as `10.20.0.0/24`.',
                    examples: ['10.20.0.0/24'],
                    maxLength: 49,
                    pattern: '^[0-9a-fA-F:.]+/(0|[1-9][0-9]{0,2})$',
                  }),
                  'Where it may be beside the public internet.',
                  8,
                ),
              },
              'One identity provider in a private network.',
            ),
            'Identity providers inside that workers may ask for keys; all others must have public addresses, whatever a tenant writes.',
            32,
          ),
        ),
        dns: Type.Optional(
          ourObject(
            {
              resolvers: listOf(
                ipAddress('Address of a DNS resolver.'),
                'The only resolvers that workloads may ask; everything else over UDP is dropped.',
                8,
              ),
            },
            'Name resolution.',
          ),
        ),
        explicit: Type.Optional(
          ourObject(
            {
              outboundRange: Type.String({
                description:
                  'Loopback addresses at which sidecars under explicit capture listen for their own application; meshes that share a machine need ranges of their own.',
                examples: ['127.128.0.0/10'],
                maxLength: 18,
                pattern: '^127([.][0-9]{1,3}){3}/([89]|1[0-9]|2[0-4])$',
              }),
            },
            'Sidecars without interception.',
          ),
        ),
        drills: Type.Optional(
          ourObject(
            {
              halted: Type.Optional(
                Type.Boolean({
                  description: 'The safety lever: while it is true every drill ends and none begins.',
                  examples: [true],
                }),
              ),
              maxDuration: Type.Optional(duration('Longest fault, from 1s to 24h; 30m by default.', '30m')),
              maxConcurrent: Type.Optional(
                Type.Integer({
                  description: `Most drills at a time; ${maxConcurrent} by default.`,
                  examples: [maxConcurrent],
                  minimum: 1,
                  maximum: 64,
                }),
              ),
              secondPersonAbove: Type.Optional(
                ourObject(
                  {
                    percent: Type.Optional(
                      Type.Integer({
                        description: `Share of the callers, in percent, 0 for any drill; ${secondPersonAbove.percent} by default.`,
                        examples: [secondPersonAbove.percent],
                        minimum: 0,
                        maximum: 100,
                      }),
                    ),
                    callers: Type.Optional(
                      Type.Integer({
                        description: `Number of callers, 0 for any drill; ${secondPersonAbove.callers} by default.`,
                        examples: [secondPersonAbove.callers],
                        minimum: 0,
                        maximum: 1_000_000,
                      }),
                    ),
                  },
                  'A drill that more callers feel needs the approval of a second person.',
                ),
              ),
              protectedTenants: Type.Optional(
                listOf(dnsLabel('Name of a tenant.', 'payments'), 'Tenants that no drill ever touches.'),
              ),
              probeTargets: Type.Optional(
                listOf(
                  Type.String({
                    description: 'Origin of a URL, or host and port.',
                    examples: ['http://10.0.0.5:9090'],
                    minLength: 3,
                    maxLength: 270,
                    pattern:
                      '^(https?://([A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\])(:[0-9]{1,5})?|([A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\]):[0-9]{1,5})$',
                  }),
                  'The only addresses that probes of drills may ask.',
                ),
              ),
              prometheusUrl: Type.Optional(
                Type.String({
                  description: 'Base URL of the Prometheus that probes ask.',
                  examples: ['http://10.0.0.6:9090'],
                  minLength: 8,
                  maxLength: 2_048,
                  pattern: '^https?://[^ \\t\\n]+$',
                }),
              ),
            },
            'The house rules of drills.',
          ),
        ),
        evidence: evidenceSchema,
        tracing: tracingSchema,
        telemetry: telemetrySchema,
      },
      'What holds for the whole mesh.',
    ),
    status: ourStatus,
  },
  'What holds for every tenant.',
);

export type MeshObject = Type.Static<typeof meshSchema>;
