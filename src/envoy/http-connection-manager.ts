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
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import {
  Http2ProtocolOptionsSchema,
  HttpProtocolOptionsSchema,
  HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores,
} from '#gen/envoy/config/core/v3/protocol_pb.js';
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
  HttpConnectionManager_InternalAddressConfigSchema as InternalAddressConfigSchema,
  LocalReplyConfigSchema,
  HttpConnectionManager_ForwardClientCertDetails as Xfcc,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { HeaderMutationSchema } from '#gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { refusalLog, statusAtLeast } from './access-log.ts';
import { httpEdgeLog } from './edge-log.ts';
import { inboundRequests, outboundRequests } from './evidence-log.ts';
import { authzFilters } from './ext-authz.ts';
import { faultFilter } from './fault.ts';
import { allowNobody, type RbacRules } from './rbac.ts';
import { remembered } from './remembered.ts';
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
  /** Absent where nothing is traced. */
  readonly tracing: Tracing | undefined;
}

/** @param name of the RouteConfiguration that brings this port's rules. */
export function inboundHttp(name: string, { authz, samplePercent, tracing }: InboundHttp): NetworkFilter {
  if (tracing === undefined) return untracedInbound(name, authz, samplePercent);
  return hcmFilter({ ...inboundInit(name, authz, samplePercent), ...tracing });
}

/** Ports and shares that are told apart at once: in most meshes there are a few of each. */
const inboundsMax = 256;

/** Whose door it is says the chain, whose rules they are the route: what is between them is the same for all tenants. */
const untracedInbound = remembered(inboundsMax, (name: string, authz: boolean, samplePercent: number) =>
  hcmFilter(inboundInit(name, authz, samplePercent)),
);

function inboundInit(name: string, authz: boolean, samplePercent: number) {
  return {
    ...common(name, inboundRefusals, inboundRequests(samplePercent)),
    ...plainPaths,
    forwardClientCertDetails: Xfcc.SANITIZE_SET,
    setCurrentClientCertDetails: { uri: true },
    httpFilters: [
      rbacFilter(denyFilter, create(RBACSchema)),
      rbacFilter(allowFilter, create(RBACSchema, { rules: allowNobody() })),
      ...(authz ? authzFilters() : []),
      faultFilter(),
      router,
    ],
  } satisfies HcmInit;
}

/** @param cluster of the service: drills may look at this edge, by its log. */
export function outboundHttp(name: string, cluster: string, tracing: Tracing | undefined): NetworkFilter {
  return hcmFilter({
    ...common(name, outboundRefusals, outboundFailures, httpEdgeLog(cluster)),
    ...tracing,
    httpFilters: [router],
  });
}

/** A way out of the mesh: no edge of a drill, and no span, whose id would go out with the request. */
export function externalHttp(name: string): NetworkFilter {
  return hcmFilter({ ...common(name, outboundRefusals, outboundFailures), httpFilters: [router] });
}

/**
 * A door to the admin interface: HTTP/1.1, no routes from anywhere else, and rules that say who may ask what.
 * @param routes repeat what the rules say, so that neither alone opens the way to what lies behind.
 */
export function adminHttp(name: string, rules: RbacRules, routes: RouteConfiguration): NetworkFilter {
  return hcmFilter({
    ...common(name, refusalLog(name), inboundRequests(0)),
    ...plainPaths,
    codecType: Codec.HTTP1,
    routeSpecifier: { case: 'routeConfig', value: routes },
    httpFilters: [rbacFilter(allowFilter, create(RBACSchema, { rules })), router],
  });
}

// What is the same in every connection manager is made once.

const httpOptions = create(HttpProtocolOptionsSchema, {
  headersWithUnderscoresAction: Underscores.REJECT_REQUEST,
  idleTimeout: durationOf(limits.connectionIdleTimeoutMs),
  maxHeadersCount: limits.headersMax,
});

const http2Options = create(Http2ProtocolOptionsSchema, {
  maxConcurrentStreams: limits.concurrentStreamsMax,
  initialStreamWindowSize: limits.initialStreamWindowBytes,
  initialConnectionWindowSize: limits.initialConnectionWindowBytes,
});

/** No address is trusted for being private; an empty list would mean the private ranges. */
const trustedAddresses = create(InternalAddressConfigSchema, {
  cidrRanges: [{ addressPrefix: '255.255.255.255', prefixLen: 32 }],
});

/** A refusal names its decision. */
const namedReplies = create(LocalReplyConfigSchema, {
  mappers: [
    {
      filter: statusAtLeast(400),
      headersToAdd: [
        { header: { key: decisionHeader, value: '%STREAM_ID%' }, appendAction: Append.OVERWRITE_IF_EXISTS_OR_ADD },
      ],
    },
  ],
});

/**
 * What a client may not say: the request id names our decision, so no caller may choose it; `x-envoy-*` would steer
 * retries, timeouts and faults; `x-coffre-*` is ours to say. All are dropped before Envoy reads them.
 */
const cleanedHeaders = create(TypedExtensionConfigSchema, {
  name: 'cleaned-headers',
  typedConfig: pack(
    HeaderMutationSchema,
    create(HeaderMutationSchema, {
      mutations: [
        { action: { case: 'remove', value: 'x-request-id' } },
        { action: { case: 'removeOnMatch', value: { keyMatcher: prefix('x-envoy-') } } },
        { action: { case: 'removeOnMatch', value: { keyMatcher: prefix('x-coffre-') } } },
      ],
    }),
  ),
});

const inboundRefusals = refusalLog('inbound');
const outboundRefusals = refusalLog('outbound');
const outboundFailures = outboundRequests();

const router: HttpFilter = create(HttpFilterSchema, {
  name: 'envoy.filters.http.router',
  configType: {
    case: 'typedConfig',
    value: pack(RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true })),
  },
});

/** One spelling for each path, before any rule sees it. */
const plainPaths = {
  normalizePath: true,
  mergeSlashes: true,
  pathWithEscapedSlashesAction: EscapedSlashes.REJECT_REQUEST,
  stripMatchingHostPort: true,
} satisfies HcmInit;

type HcmInit = MessageInitShape<typeof HttpConnectionManagerSchema>;

function common(name: string, ...logs: readonly AccessLog[]) {
  return {
    statPrefix: name.replaceAll('/', '_'),
    codecType: Codec.AUTO,
    routeSpecifier: { case: 'rds', value: { routeConfigName: name, configSource: fromAds() } },
    commonHttpProtocolOptions: httpOptions,
    http2ProtocolOptions: http2Options,
    requestHeadersTimeout: durationOf(limits.requestHeadersTimeoutMs),
    streamIdleTimeout: durationOf(limits.streamIdleTimeoutMs),
    useRemoteAddress: true,
    skipXffAppend: true,
    internalAddressConfig: trustedAddresses,
    earlyHeaderMutationExtensions: [cleanedHeaders],
    localReplyConfig: namedReplies,
    accessLog: [...logs],
  } satisfies HcmInit;
}

function hcmFilter(init: HcmInit): NetworkFilter {
  const manager: HttpConnectionManager = create(HttpConnectionManagerSchema, init);
  return create(NetworkFilterSchema, {
    name: 'envoy.filters.network.http_connection_manager',
    configType: { case: 'typedConfig', value: pack(HttpConnectionManagerSchema, manager) },
  });
}

function rbacFilter(name: string, rbac: ReturnType<typeof create<typeof RBACSchema>>): HttpFilter {
  return create(HttpFilterSchema, {
    name,
    configType: { case: 'typedConfig', value: pack(RBACSchema, rbac) },
  });
}
