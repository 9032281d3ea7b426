/**
 * The second enforcer: every HTTP request that the routes' rules let pass is put to an authorization worker.
 *
 *   rbac (deny, allow) ──▶ ext_authz ──▶ seal ──▶ router
 *
 * Closed in every way it can fail: no answer, an error or silence is 503, told apart from a 403. The seal lets a request
 * pass only if the answer itself said `verdict: allow`; without it Envoy takes an empty answer for an allow.
 * Nothing here can be switched off per route or request: the only per-route part names the workload that is asked about.
 */
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { HealthCheck_GrpcHealthCheckSchema } from '#gen/envoy/config/core/v3/health_check_pb.js';
import { RBAC_Action, RBACSchema as RulesSchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { RetryPolicySchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import {
  CheckSettingsSchema,
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import {
  type HttpFilter,
  HttpFilterSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import { StatusCode } from '#gen/envoy/type/v3/http_status_pb.js';
import { checkContext } from '../policy/program.ts';
import type { InboundPort } from '../policy/view.ts';
import { bypassOption, http2Only } from './cluster-options.ts';
import { authzCluster, authzTrustSecret } from './names.ts';
import type { Platform } from './platform.ts';
import { durationOf, pack } from './resource.ts';
import { exact } from './string-match.ts';
import { fromAds, upstreamTls } from './tls.ts';

/** Name of the filter; routes address their part of it by this name, and its metadata carries the verdict. */
export const authzFilter = 'envoy.filters.http.ext_authz';

/** Longest wait for one worker's verdict, in ms; then the check is put to another. A worker answers in well under one. */
const answerTimeoutMs = 200;
/** Longest wait for a verdict, in ms; then 503. A second worker has as long as the first, and there is time for the pauses. */
const checkTimeoutMs = 2.5 * answerTimeoutMs;
/**
 * Longest wait for a connection to a worker, TLS and all, in ms: as long as for its answer. By less, a busy worker's handshakes are
 * given up and begun anew; by more, further checks wait for a node that is gone.
 */
const connectTimeoutMs = answerTimeoutMs;
/** Of Envoy's router, which takes it off again: of the retry policy at the cluster it heeds all but the time of one try. */
const perTryHeader = 'x-envoy-upstream-rq-per-try-timeout-ms';

/** Longest wait before an unanswered check is put to another worker, in ms; Envoy takes a random time below it, and the double the next time. */
const retryAfterMs = 5;
/** How often a check is put to a worker again. */
const retriesMax = 2;
/**
 * How often Envoy draws a worker for it, until it is one that was not asked yet. Of two, a dead one has nothing to do and
 * wins three draws of four: by 8 draws one retry in ten would go back to it, by 32 one in ten thousand.
 */
const drawsMax = 32;
/** Checks that are put to another worker at one time, per sidecar: where a worker is gone, each may be. Envoy's default is 3, its own bound of checks 1,024. */
const retriesAtOnceMax = 1_024;

/**
 * How often each sidecar asks each worker for its health, in ms, and for how long it may be silent. Seldom, since ten thousand
 * sidecars ask: what fails in between is found by the checks themselves, three in a row, and set aside for a while. Not more
 * seldom where nobody calls, either: a worker that left by its answers and is back is found again by this alone.
 */
const healthEveryMs = 10_000;
const healthTimeoutMs = 1_000;
const failuresInARow = 3;
const setAsideMs = 5_000;

/** DNS name in the certificate of every authorization worker. */
export const authzServerName = 'authz.mesh.coffre';

/** ext_authz and its seal, to stand directly before the router. */
export function authzFilters(): readonly HttpFilter[] {
  const authz = create(ExtAuthzSchema, {
    transportApiVersion: 2,
    failureModeAllow: false,
    statusOnError: { code: StatusCode.ServiceUnavailable },
    // A header that is no UTF-8 travels as it is: a replaced byte would show policy and application different values.
    encodeRawHeaders: true,
    validateMutations: true,
    decoderHeaderMutationRules: { disallowAll: true, disallowIsError: true },
    services: {
      case: 'grpcService',
      value: {
        targetSpecifier: { case: 'envoyGrpc', value: { clusterName: authzCluster } },
        timeout: durationOf(checkTimeoutMs),
        initialMetadata: [{ key: perTryHeader, value: String(answerTimeoutMs) }],
      },
    },
  });
  return [filter(authzFilter, pack(ExtAuthzSchema, authz)), filter('coffre.seal', pack(RBACSchema, seal()))];
}

/** What a route adds to each check. */
export function checkSettings(workload: string, { port }: InboundPort): Any {
  const value = create(CheckSettingsSchema, {
    contextExtensions: { [checkContext.port]: String(port), [checkContext.workload]: workload },
  });
  return pack(ExtAuthzPerRouteSchema, create(ExtAuthzPerRouteSchema, { override: { case: 'checkSettings', value } }));
}

/** Where the workers are travels apart from it (`workersAssignment`): one that comes or goes moves no connection to the others. */
export function authzClusterOf(platform: Pick<Platform, 'bypass'>): Cluster {
  return create(ClusterSchema, {
    name: authzCluster,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: fromAds() },
    // One that is named no more is asked no more, however well it feels.
    ignoreHealthOnHostRemoval: true,
    connectTimeout: durationOf(connectTimeoutMs),
    lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
    circuitBreakers: { thresholds: [{ maxRetries: retriesAtOnceMax }] },
    healthChecks: [
      {
        timeout: durationOf(healthTimeoutMs),
        interval: durationOf(healthEveryMs),
        intervalJitterPercent: 20,
        noTrafficInterval: durationOf(healthEveryMs),
        unhealthyInterval: durationOf(healthTimeoutMs),
        unhealthyThreshold: 2,
        healthyThreshold: 1,
        healthChecker: { case: 'grpcHealthCheck', value: create(HealthCheck_GrpcHealthCheckSchema) },
      },
    ],
    outlierDetection: {
      consecutive5xx: failuresInARow,
      consecutiveGatewayFailure: failuresInARow,
      enforcingConsecutiveGatewayFailure: 100,
      interval: durationOf(1_000),
      baseEjectionTime: durationOf(setAsideMs),
      // All of them, if need be: with nobody left Envoy asks everybody again, and a retry finds who answers. Half at most
      // would keep a dead worker in while a slow one is set aside.
      maxEjectionPercent: 100,
      enforcingSuccessRate: 0,
    },
    transportSocket: upstreamTls(authzTrustSecret, authzServerName, ['h2']),
    typedExtensionProtocolOptions: http2Only(otherWorker()),
    ...bypassOption(platform.bypass),
  });
}

/**
 * A check changes nothing, so one that its worker did not answer, or not in time, is put to another. It stands at
 * the cluster: of the policy beside a gRPC service Envoy takes over no host predicate, and would ask the same one again.
 */
function otherWorker() {
  return create(RetryPolicySchema, {
    retryOn: 'connect-failure,refused-stream,reset,unavailable',
    numRetries: retriesMax,
    retryBackOff: { baseInterval: durationOf(retryAfterMs), maxInterval: durationOf(2 * retryAfterMs) },
    retryHostPredicate: [
      {
        name: 'envoy.retry_host_predicates.previous_hosts',
        configType: {
          case: 'typedConfig',
          value: pack(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema)),
        },
      },
    ],
    hostSelectionRetryMaxAttempts: BigInt(drawsMax),
  });
}

function seal() {
  return create(RBACSchema, {
    rules: create(RulesSchema, {
      action: RBAC_Action.ALLOW,
      policies: {
        sealed: {
          principals: [{ identifier: { case: 'any', value: true } }],
          permissions: [
            {
              rule: {
                case: 'sourcedMetadata',
                value: {
                  metadataMatcher: {
                    filter: authzFilter,
                    path: [{ segment: { case: 'key', value: 'verdict' } }],
                    value: { matchPattern: { case: 'stringMatch', value: exact('allow') } },
                  },
                },
              },
            },
          ],
        },
      },
    }),
  });
}

function filter(name: string, value: Any): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value } });
}
