/**
 * `TrafficPolicy`: how one service of this namespace wants to be called, by every caller in and outside its tenant.
 */
import Type from 'typebox';
import {
  defaultBreakers,
  defaultOutliers,
  defaultRetries,
  defaultTimeouts,
  retryConditions,
} from '../traffic-policy.ts';
import { dnsLabel, duration, listOf, ourNamespacedMetadata, ourObject, ourStatus, portNumber } from './fields.ts';

/** Highest breaker limit: more than one proxy can hold, far below what overflows. */
const limitMax = 1_000_000;

function limit(what: string, byDefault: number) {
  return Type.Optional(
    Type.Integer({
      description: `${what}, of each calling proxy; ${byDefault} by default.`,
      examples: [byDefault],
      minimum: 1,
      maximum: limitMax,
    }),
  );
}

function seconds(ms: number): string {
  return `${ms / 1_000}s`;
}

export const trafficPolicySchema = ourObject(
  {
    apiVersion: Type.Literal('coffre.dev/v1alpha1', { description: 'Version of this API.' }),
    kind: Type.Literal('TrafficPolicy', { description: 'Kind of the object.' }),
    metadata: ourNamespacedMetadata(),
    spec: ourObject(
      {
        service: dnsLabel('Service of this namespace that the policy speaks of.', 'api'),
        ports: Type.Optional(
          listOf(
            portNumber('Port of the service, as callers dial it.'),
            'Ports the policy speaks of; absent means every port of the service.',
            64,
          ),
        ),
        circuitBreakers: Type.Optional(
          ourObject(
            {
              maxConnections: limit('Most connections', defaultBreakers.maxConnections),
              maxPendingRequests: limit('Most requests that wait for a connection', defaultBreakers.maxPendingRequests),
              maxRequests: limit('Most requests under way', defaultBreakers.maxRequests),
              maxRetries: limit('Most retries under way', defaultBreakers.maxRetries),
            },
            'Limits beyond which a caller is refused at once instead of waiting.',
          ),
        ),
        outlierDetection: Type.Optional(
          ourObject(
            {
              consecutive5xx: Type.Optional(
                Type.Integer({
                  description: `Answers of 5xx in a row after which an endpoint is ejected; ${defaultOutliers.consecutive5xx} by default.`,
                  examples: [defaultOutliers.consecutive5xx],
                  minimum: 1,
                  maximum: 1_000,
                }),
              ),
              interval: Type.Optional(
                duration(
                  `Time between two looks at who comes back, from 100ms to 1h; ${seconds(defaultOutliers.intervalMs)} by default.`,
                  seconds(defaultOutliers.intervalMs),
                ),
              ),
              baseEjectionTime: Type.Optional(
                duration(
                  `How long a first ejection lasts, from 100ms to 5m; ${seconds(defaultOutliers.baseEjectionTimeMs)} by default.`,
                  seconds(defaultOutliers.baseEjectionTimeMs),
                ),
              ),
              maxEjectionPercent: Type.Optional(
                Type.Integer({
                  description: `Most endpoints that are ejected at once, in percent, 0 for none; ${defaultOutliers.maxEjectionPercent} by default.`,
                  examples: [defaultOutliers.maxEjectionPercent],
                  minimum: 0,
                  maximum: 100,
                }),
              ),
            },
            'When an endpoint that fails is left alone for a while.',
          ),
        ),
        timeouts: Type.Optional(
          ourObject(
            {
              request: Type.Optional(
                duration(
                  `One whole exchange, retries included, from 1ms to 24h; ${seconds(defaultTimeouts.requestMs)} by default on an HTTP/1.1 port, no limit on HTTP/2 and gRPC.`,
                  '2s',
                ),
              ),
              idle: Type.Optional(
                duration(
                  `Silence on one exchange, from 1s to 24h; ${seconds(defaultTimeouts.idleMs)} by default. HTTP ports only.`,
                  '1m',
                ),
              ),
              connect: Type.Optional(
                duration(
                  `Until a connection to an endpoint stands, from 10ms to 1m; ${seconds(defaultTimeouts.connectMs)} by default.`,
                  '250ms',
                ),
              ),
            },
            'How long a caller waits.',
          ),
        ),
        retries: Type.Optional(
          ourObject(
            {
              attempts: Type.Optional(
                Type.Integer({
                  description: `Tries after the first, 0 for none; ${defaultRetries.attempts} by default.`,
                  examples: [defaultRetries.attempts],
                  minimum: 0,
                  maximum: 10,
                }),
              ),
              // Not `on`, which YAML 1.1, and so kubectl, reads as `true`.
              retryOn: Type.Optional(
                listOf(
                  Type.Enum([...retryConditions], {
                    description:
                      'What is tried again: `connect-failure`, `refused-stream` and `reset-before-request` never reached the application, `gateway-error` is 502, 503, 504 or a try that took too long, for GET, HEAD and OPTIONS only; `unavailable` is 503 or UNAVAILABLE in gRPC whatever the method, for a service that has done nothing when it says so.',
                    examples: ['connect-failure'],
                  }),
                  `What is tried again; ${defaultRetries.on.join(' and ')} by default.`,
                  retryConditions.length,
                ),
              ),
              perTryTimeout: Type.Optional(
                duration(
                  'One try, from 1ms to 24h, no limit of its own by default. Needs `gateway-error` in `retryOn`, without which nothing tries again.',
                  '500ms',
                ),
              ),
            },
            'What is tried again. HTTP ports only.',
          ),
        ),
      },
      'Which service, and how it wants to be called.',
    ),
    status: ourStatus,
  },
  'How one service wants to be called.',
);

export type TrafficPolicyObject = Type.Static<typeof trafficPolicySchema>;
