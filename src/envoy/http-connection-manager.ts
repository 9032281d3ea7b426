/**
 * HTTP on both sides of the sidecar, hardened once.
 *
 *   inbound   the wall: paths normalised before any rule sees them, forwarded identities replaced by the TLS peer's,
 *             deny and allow rules from the route, and an id of our own on every refusal
 *   outbound  the way to one service: no rules, the callee judges
 *
 * Bodies are never buffered. Routes come by RDS. A route that brings no rules lets nobody in.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { AccessLog } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { HeaderValueOption_HeaderAppendAction as Append } from '#gen/envoy/config/core/v3/base_pb.js';
import { HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores } from '#gen/envoy/config/core/v3/protocol_pb.js';
import type { Filter as NetworkFilter } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { FilterSchema as NetworkFilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import type { RouteConfiguration } from '#gen/envoy/config/route/v3/route_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import {
  HttpConnectionManager_CodecType as Codec,
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
  HttpConnectionManager_ForwardClientCertDetails as Xfcc,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HeaderMutationSchema } from '#gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { refusalLog, statusAtLeast } from './access-log.ts';
import { httpEdgeLog } from './edge-log.ts';
import { inboundRequests, outboundRequests } from './evidence-log.ts';
import { authzFilters } from './ext-authz.ts';
import { faultFilter } from './fault.ts';
import { allowNobody, type RbacRules } from './rbac.ts';
import { durationOf, pack } from './resource.ts';
import { prefix } from './string-match.ts';
import { fromAds } from './tls.ts';
import type { Tracing } from './tracing.ts';

/** Names of the two RBAC filters; the route's rules are addressed to them by name. */
export const denyFilter = 'coffre.rbac.deny';
export const allowFilter = 'coffre.rbac.allow';

/** Header that carries the decision id to the caller. */
const decisionHeader = 'x-coffre-decision';

/** Bounds of one HTTP connection. Source: Envoy's edge best practices, tightened for header count. */
const limits = {
  headersMax: 100,
  requestHeadersTimeoutMs: 10_000,
  streamIdleTimeoutMs: 300_000,
  connectionIdleTimeoutMs: 300_000,
  concurrentStreamsMax: 100,
  initialStreamWindowBytes: 65_536,
  initialConnectionWindowBytes: 1_048_576,
} as const;

export interface InboundHttp {
  /** Every request is also put to a worker. */
  readonly authz: boolean;
  /** Of the healthy requests that leave a record. */
  readonly samplePercent: number;
  readonly tracing: Tracing;
}

/** @param name of the RouteConfiguration that brings this port's rules. */
export function inboundHttp(name: string, { authz, samplePercent, tracing }: InboundHttp): NetworkFilter {
  return hcmFilter({
    ...common(name, 'inbound', inboundRequests(samplePercent)),
    ...plainPaths,
    ...tracing,
    forwardClientCertDetails: Xfcc.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true },
    httpFilters: [
      rbacFilter(denyFilter, create(RBACSchema)),
      rbacFilter(allowFilter, create(RBACSchema, { rules: allowNobody() })),
      ...(authz ? authzFilters() : []),
      faultFilter(),
      router(),
    ],
  });
}

/** @param cluster of the service: drills may look at this edge, by its log. */
export function outboundHttp(name: string, cluster: string, tracing: Tracing): NetworkFilter {
  return hcmFilter({
    ...common(name, 'outbound', outboundRequests(), httpEdgeLog(cluster)),
    ...tracing,
    httpFilters: [router()],
  });
}

/** A way out of the mesh: no edge of a drill, and no span, whose id would go out with the request. */
export function externalHttp(name: string): NetworkFilter {
  return hcmFilter({ ...common(name, 'outbound', outboundRequests()), httpFilters: [router()] });
}

/**
 * A door to the admin interface: HTTP/1.1, no routes from anywhere else, and rules that say who may ask what.
 * @param routes repeat what the rules say, so that neither alone opens the way to what lies behind.
 */
export function adminHttp(name: string, rules: RbacRules, routes: RouteConfiguration): NetworkFilter {
  return hcmFilter({
    ...common(name, name, inboundRequests(0)),
    ...plainPaths,
    codecType: Codec.HTTP1,
    routeSpecifier: { case: 'routeConfig', value: routes },
    httpFilters: [rbacFilter(allowFilter, create(RBACSchema, { rules })), router()],
  });
}

/** One spelling for each path, before any rule sees it. */
const plainPaths = {
  normalizePath: true,
  mergeSlashes: true,
  pathWithEscapedSlashesAction: EscapedSlashes.REJECT_REQUEST,
  stripMatchingHostPort: true,
} satisfies HcmInit;

type HcmInit = MessageInitShape<typeof HttpConnectionManagerSchema>;

function common(name: string, direction: string, ...evidence: readonly AccessLog[]) {
  return {
    statPrefix: name.replaceAll('/', '_'),
    codecType: Codec.AUTO,
    routeSpecifier: { case: 'rds', value: { routeConfigName: name, configSource: fromAds() } },
    commonHttpProtocolOptions: {
      headersWithUnderscoresAction: Underscores.REJECT_REQUEST,
      idleTimeout: durationOf(limits.connectionIdleTimeoutMs),
      maxHeadersCount: limits.headersMax,
    },
    http2ProtocolOptions: {
      maxConcurrentStreams: limits.concurrentStreamsMax,
      initialStreamWindowSize: limits.initialStreamWindowBytes,
      initialConnectionWindowSize: limits.initialConnectionWindowBytes,
    },
    requestHeadersTimeout: durationOf(limits.requestHeadersTimeoutMs),
    streamIdleTimeout: durationOf(limits.streamIdleTimeoutMs),
    useRemoteAddress: true,
    skipXffAppend: true,
    // No address is trusted for being private; an empty list would mean the private ranges.
    internalAddressConfig: { cidrRanges: [{ addressPrefix: '255.255.255.255', prefixLen: 32 }] },
    earlyHeaderMutationExtensions: [cleanedHeaders()],
    localReplyConfig: {
      mappers: [
        {
          filter: statusAtLeast(400),
          headersToAdd: [
            { header: { key: decisionHeader, value: '%STREAM_ID%' }, appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD },
          ],
        },
      ],
    },
    accessLog: [refusalLog(direction), ...evidence],
  } satisfies HcmInit;
}

function hcmFilter(init: HcmInit): NetworkFilter {
  const manager: HttpConnectionManager = create(HttpConnectionManagerSchema, init);
  return create(NetworkFilterSchema, {
    name: 'envoy.filters.network.http_connection_manager',
    configType: { case: 'typedConfig', value: pack(HttpConnectionManagerSchema, manager) },
  });
}

/**
 * What a client may not say: the request id names our decision, so no caller may choose it; `x-envoy-*` would steer
 * retries, timeouts and faults; `x-coffre-*` is ours to say. All are dropped before Envoy reads them.
 */
function cleanedHeaders() {
  const mutation = create(HeaderMutationSchema, {
    mutations: [
      { action: { case: 'remove', value: 'x-request-id' } },
      { action: { case: 'removeOnMatch', value: { keyMatcher: prefix('x-envoy-') } } },
      { action: { case: 'removeOnMatch', value: { keyMatcher: prefix('x-coffre-') } } },
    ],
  });
  return { name: 'cleaned-headers', typedConfig: pack(HeaderMutationSchema, mutation) };
}

function rbacFilter(name: string, rbac: ReturnType<typeof create<typeof RBACSchema>>): HttpFilter {
  return create(HttpFilterSchema, {
    name,
    configType: { case: 'typedConfig', value: pack(RBACSchema, rbac) },
  });
}

function router(): HttpFilter {
  const value = pack(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true }));
  return create(HttpFilterSchema, { name: 'envoy.filters.http.router', configType: { case: 'typedConfig', value } });
}
