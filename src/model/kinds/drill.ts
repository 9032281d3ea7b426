/**
 * `Drill`: one fault on purpose, at one service of this namespace.
 *
 * A drill that lacks its hypothesis, its bound, its end or a condition that aborts it cannot be written at all. "Exactly
 * one of", ranges of durations and names that must meet are in `drill-rules.ts`, as a schema says them badly.
 */
import Type from 'typebox';
import { probeMetrics, probePhases, trafficGroups, trafficMetrics } from '../drill-words.ts';
import {
  dnsLabel,
  duration,
  listOf,
  ourNamespacedMetadata,
  ourObject,
  ourStatus,
  percent,
  portNumber,
  prose,
  subdomain,
} from './fields.ts';

/** Most probes of one drill: each is asked again and again while it lasts. */
const probesMax = 16;

const method = Type.Object(
  {
    openBreaker: Type.Optional(
      ourObject({}, 'No request (HTTP) and no new connection (TCP) gets through the breaker of the callers.'),
    ),
    throttleBreaker: Type.Optional(
      ourObject(
        {
          limit: Type.Integer({
            description: 'Most requests (HTTP) or connections (TCP) under way, of each calling proxy.',
            examples: [5],
            minimum: 1,
            maximum: 1_000_000,
          }),
        },
        'So many at once get through the breaker of the callers, and no more.',
      ),
    ),
    abort: Type.Optional(
      ourObject(
        {
          status: Type.Integer({ description: 'Status of the answer.', examples: [503], minimum: 400, maximum: 599 }),
          percent: percent('Share of the requests that is answered with it'),
        },
        'Requests are answered by the target’s sidecar instead of the application. HTTP ports only.',
      ),
    ),
    delay: Type.Optional(
      ourObject(
        {
          duration: duration('How long a request waits in front of the application, from 1ms to 1m.', '2s'),
          percent: percent('Share of the requests that waits'),
        },
        'Requests wait in front of the application. HTTP ports only.',
      ),
    ),
    ejectEndpoint: Type.Optional(
      ourObject(
        {
          count: Type.Integer({
            description: 'Endpoints of the target that answer 503 to every request.',
            examples: [1],
            minimum: 1,
            maximum: 100,
          }),
        },
        'Endpoints answer 503 until the callers eject them. HTTP ports only.',
      ),
    ),
  },
  { description: 'What goes wrong: exactly one of these.', additionalProperties: false, minProperties: 1 },
);

const source = Type.Object(
  {
    traffic: Type.Optional(
      ourObject(
        {
          metric: Type.Enum([...trafficMetrics], {
            description: 'What is measured; rates are from 0 to 1, latencies in ms.',
            examples: ['successRate'],
          }),
          group: Type.Optional(
            Type.Enum([...trafficGroups], {
              description: 'Whose requests: callers that feel the fault, those that do not, or all (the default).',
              examples: ['control'],
            }),
          ),
        },
        'The requests to the target, as the proxies of its callers saw them.',
      ),
    ),
    http: Type.Optional(
      ourObject(
        {
          url: Type.String({
            description: 'What is asked with GET; its origin must be a probe target of the mesh.',
            examples: ['http://10.0.0.5:8080/healthz'],
            minLength: 8,
            maxLength: 2_048,
            pattern: '^https?://[^ \\t\\n]+$',
          }),
          expectStatus: Type.Optional(
            Type.Integer({
              description: 'Status that is a success; 200 by default.',
              examples: [200],
              minimum: 100,
              maximum: 599,
            }),
          ),
          metric: Type.Optional(
            Type.Enum([...probeMetrics], {
              description: 'What is measured: 1 or 0 (`success`, the default), or ms (`latency`).',
              examples: ['success'],
            }),
          ),
        },
        'An HTTP request of our own.',
      ),
    ),
    grpcHealth: Type.Optional(
      ourObject(
        {
          address: Type.String({
            description: 'Host and port; a probe target of the mesh.',
            examples: ['10.0.0.5:9000'],
            minLength: 3,
            maxLength: 260,
            pattern: '^([A-Za-z0-9.-]+|\\[[0-9a-fA-F:]+\\]):[0-9]{1,5}$',
          }),
          service: Type.Optional(
            Type.String({
              description: 'Service whose health is asked; the whole server by default.',
              examples: ['shop.v1.Cart'],
              maxLength: 253,
              pattern: '^[A-Za-z0-9._/-]*$',
            }),
          ),
        },
        'The gRPC health service: 1 where it serves, 0 otherwise.',
      ),
    ),
    promql: Type.Optional(
      ourObject(
        {
          query: Type.String({
            description: 'Instant query that yields one number; asked of the mesh’s Prometheus.',
            examples: ['sum(rate(orders_total[1m]))'],
            minLength: 1,
            maxLength: 4_096,
            pattern: '[^ \\t\\n]',
          }),
        },
        'A query to Prometheus.',
      ),
    ),
  },
  { description: 'Where the value comes from: exactly one of these.', additionalProperties: false, minProperties: 1 },
);

const probe = ourObject(
  {
    name: dnsLabel('Name of the probe, unique in the drill.', 'orders-succeed'),
    source,
    tolerance: Type.Object(
      {
        atLeast: Type.Optional(Type.Number({ description: 'A value below it is a breach.', examples: [0.99] })),
        atMost: Type.Optional(Type.Number({ description: 'A value above it is a breach.', examples: [250] })),
      },
      {
        description: 'What the value must keep to; one of the two bounds at least.',
        additionalProperties: false,
        minProperties: 1,
      },
    ),
    phases: Type.Optional(
      listOf(
        Type.Enum([...probePhases], { description: 'Part of the drill.', examples: ['during'] }),
        'When the probe is judged; always by default.',
        probePhases.length,
      ),
    ),
    interval: Type.Optional(duration('Between two looks, from 100ms to 1m; 1s by default.', '1s')),
    silence: Type.Optional(
      duration('Without an answer for that long the probe is in breach, from 1s to 5m; 5s by default.', '5s'),
    ),
  },
  'One thing that shows whether all is well.',
);

export const drillSchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('Drill', { description: 'Kind of the object.' }),
    metadata: ourNamespacedMetadata(),
    spec: ourObject(
      {
        hypothesis: prose('What is believed to hold while the fault lasts.', 'orders succeed without recommendations'),
        risk: Type.Optional(prose('Risk that is exercised.', 'the recommendation service is down')),
        mitigation: Type.Optional(prose('What is expected to soften it.', 'the cart answers without them')),
        target: ourObject(
          {
            service: dnsLabel('Service of this namespace that is struck.', 'api'),
            port: portNumber('Port of the service, as callers dial it.'),
          },
          'What is struck.',
        ),
        method,
        blastRadius: ourObject(
          {
            callers: listOf(
              ourObject(
                {
                  tenant: dnsLabel('Tenant of the callers.', 'shop'),
                  serviceAccounts: Type.Optional(
                    listOf(
                      subdomain('Name of a service account of that tenant.', 'cart'),
                      'Service accounts of the callers; absent means every one of the tenant.',
                    ),
                  ),
                },
                'Callers of one tenant.',
              ),
              'Callers that may feel it; nobody else does.',
              64,
            ),
            percent: percent('Share of these callers that feels it, the others being the control group'),
          },
          'Who feels it.',
        ),
        steadyState: listOf(probe, 'What shows that all is well.', probesMax),
        abortOn: listOf(
          Type.Object(
            {
              probe: Type.Optional(
                dnsLabel('Probe of this drill that leaves its tolerance while the fault lasts.', 'orders-succeed'),
              ),
              alert: Type.Optional(
                Type.String({
                  description: 'Alert that fires, by its name.',
                  examples: ['OrdersFailing'],
                  minLength: 1,
                  maxLength: 128,
                  pattern: '^[^ \\t\\n]([^\\t\\n]*[^ \\t\\n])?$',
                }),
              ),
            },
            { description: 'One condition: a probe or an alert.', additionalProperties: false, minProperties: 1 },
          ),
          'Conditions that end the fault at once, any of them.',
          32,
        ),
        duration: duration('How long the fault lasts at most, from 1s to 24h.', '5m'),
        observe: Type.Optional(
          duration('How long is measured before the fault and again after it, from 1s to 1h; 30s by default.', '1m'),
        ),
      },
      'What is believed, what goes wrong, for whom, for how long, and what ends it.',
    ),
    status: ourStatus,
  },
  'One fault on purpose.',
);

export type DrillObject = Type.Static<typeof drillSchema>;
export type ProbeObject = Type.Static<typeof probe>;
