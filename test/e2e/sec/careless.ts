/**
 * Configurations that are wrong on purpose: a row that stays green under all of them tests nothing.
 *
 *   careless    every hardening of HTTP undone, rules that go by letters, nobody asked
 *   openDoor    no HTTP at all: what TLS carries passes to the application as it is
 *   halfRead    asks with replaced bytes, and only once it has read a body
 *   permissive  takes TLS of any kind, from whoever says any name with any certificate
 *   plaintext   takes no TLS at all
 *   credulous   asks, believes whatever it is told, and takes no answer for an allow
 */
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
  HttpProtocolOptionsSchema,
} from '#gen/envoy/config/core/v3/protocol_pb.js';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { FilterChainMatchSchema, FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { type Permission, PermissionSchema, PolicySchema } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import {
  BufferSettingsSchema,
  type ExtAuthz,
  ExtAuthzSchema,
} from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  type HttpConnectionManager,
  HttpConnectionManagerSchema as ManagerSchema,
  HttpConnectionManager_UpgradeConfigSchema as UpgradeSchema,
  HttpConnectionManager_ForwardClientCertDetails as Xfcc,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { TlsParameters_TlsProtocol } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { authzFilter } from '../../../src/envoy/ext-authz.ts';
import { faultName } from '../../../src/envoy/fault.ts';
import { applicationCluster, identitySecret, inboundListener } from '../../../src/envoy/names.ts';
import { exact, prefix, regex, type StringMatch } from '../../../src/envoy/string-match.ts';
import { fromAds } from '../../../src/envoy/tls.ts';
import { contentVersion, type ResourceSnapshot } from '../../../src/xds/resource.ts';
import { typeUrls } from '../../../src/xds/type-url.ts';
import { spiffeId } from '../../fixtures/random-mesh.ts';
import { type RulesEdit, withMark } from '../differential/edit-routes.ts';

const sealName = 'coffre.seal';
const many = 10_000;

export function careless(resources: ResourceSnapshot): ResourceSnapshot {
  return withMark(withManagers(resources, soften), 1, byLetters);
}

export function openDoor(resources: ResourceSnapshot): ResourceSnapshot {
  const cluster = applicationCluster(8_080);
  const proxy = create(TcpProxySchema, { statPrefix: 'open', clusterSpecifier: { case: 'cluster', value: cluster } });
  const filter = create(FilterSchema, {
    name: 'envoy.filters.network.tcp_proxy',
    configType: { case: 'typedConfig', value: anyPack(TcpProxySchema, proxy) },
  });
  return withChains(resources, (chain) => {
    chain.filters = [filter];
  });
}

export function permissive(resources: ResourceSnapshot): ResourceSnapshot {
  const context = create(DownstreamTlsContextSchema, {
    commonTlsContext: {
      alpnProtocols: ['http/1.1'],
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_0,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
      },
      tlsCertificateSdsSecretConfigs: [{ name: identitySecret, sdsConfig: fromAds() }],
    },
  });
  return withChains(resources, (chain) => {
    chain.filterChainMatch = create(FilterChainMatchSchema, { transportProtocol: 'tls' });
    if (chain.transportSocket !== undefined) {
      chain.transportSocket.configType = { case: 'typedConfig', value: anyPack(DownstreamTlsContextSchema, context) };
    }
  });
}

export function plaintext(resources: ResourceSnapshot): ResourceSnapshot {
  return withChains(openDoor(resources), (chain) => {
    delete chain.filterChainMatch;
    delete chain.transportSocket;
  });
}

export function halfRead(resources: ResourceSnapshot): ResourceSnapshot {
  return withAuthz(resources, (authz) => {
    authz.encodeRawHeaders = false;
    authz.withRequestBody = create(BufferSettingsSchema, { maxRequestBytes: 8_192, allowPartialMessage: true });
  });
}

export function credulous(resources: ResourceSnapshot): ResourceSnapshot {
  const believing = withAuthz(resources, (authz) => {
    authz.failureModeAllow = true;
    authz.clearRouteCache = true;
    authz.validateMutations = false;
    authz.decoderHeaderMutationRules = undefined;
  });
  return withManagers(believing, (manager) => {
    manager.httpFilters = manager.httpFilters.filter(({ name }) => name !== sealName);
  });
}

function soften(manager: HttpConnectionManager): void {
  manager.normalizePath = false;
  manager.mergeSlashes = false;
  manager.pathWithEscapedSlashesAction = EscapedSlashes.KEEP_UNCHANGED;
  manager.stripPortMode = { case: undefined };
  manager.forwardClientCertDetails = Xfcc.ALWAYS_FORWARD_ONLY;
  manager.preserveExternalRequestId = true;
  manager.earlyHeaderMutationExtensions = [];
  manager.internalAddressConfig = create(ManagerSchema, {
    internalAddressConfig: { cidrRanges: [{ addressPrefix: '10.0.0.0', prefixLen: 8 }] },
  }).internalAddressConfig;
  manager.maxRequestHeadersKb = 8_192;
  manager.commonHttpProtocolOptions = create(HttpProtocolOptionsSchema, { maxHeadersCount: many });
  manager.httpProtocolOptions = create(Http1ProtocolOptionsSchema, {
    acceptHttp10: true,
    defaultHostForHttp10: 'callee',
    allowChunkedLength: true,
  });
  manager.http2ProtocolOptions = create(Http2ProtocolOptionsSchema, { maxConcurrentStreams: many, allowConnect: true });
  manager.upgradeConfigs = ['websocket', 'foo', 'TLS/1.2', 'foo, websocket'].map((upgradeType) =>
    create(UpgradeSchema, { upgradeType }),
  );
  manager.httpFilters = manager.httpFilters.filter(({ name }) => name !== sealName && name !== authzFilter);
  const always = { numerator: 100 };
  const obedient = create(HTTPFaultSchema, {
    abort: { errorType: { case: 'headerAbort', value: {} }, percentage: always },
    delay: { faultDelaySecifier: { case: 'headerDelay', value: {} }, percentage: always },
  });
  for (const filter of manager.httpFilters.filter(({ name }) => name === faultName)) {
    filter.configType = { case: 'typedConfig', value: anyPack(HTTPFaultSchema, obedient) };
  }
}

/** What an author writes who thinks of one spelling. */
const byLetters: RulesEdit = ({ deny, allow }) => {
  const closed = [
    path(exact('/admin')),
    path(prefix('/admin/')),
    path(regex('/documents/[^/]+/secret')),
    header('x-role', exact('admin')),
    header(':authority', exact('closed.example')),
  ];
  const roles = [header('x-role', prefix('reader')), header(':authority', regex('.*open[.]example.*'))];
  deny.policies = { letters: policy([{ identifier: { case: 'any', value: true } }], closed) };
  allow.policies = {
    adele: policy([named('adele')], [create(PermissionSchema, { rule: { case: 'any', value: true } })]),
    anton: policy([named('anton')], roles),
  };
};

type Principals = NonNullable<MessageInitShape<typeof PolicySchema>['principals']>;

function policy(principals: Principals, permissions: readonly Permission[]) {
  return create(PolicySchema, { principals, permissions: [...permissions] });
}

function named(account: string) {
  const principalName = exact(spiffeId('aurore', account));
  return { identifier: { case: 'authenticated' as const, value: { principalName } } };
}

function path(value: StringMatch): Permission {
  return create(PermissionSchema, { rule: { case: 'urlPath', value: { rule: { case: 'path', value } } } });
}

function header(name: string, value: StringMatch): Permission {
  const headerMatchSpecifier = { case: 'stringMatch', value } as const;
  return create(PermissionSchema, { rule: { case: 'header', value: { name, headerMatchSpecifier } } });
}

function withAuthz(resources: ResourceSnapshot, edit: (authz: ExtAuthz) => void): ResourceSnapshot {
  return withManagers(resources, ({ httpFilters }) => {
    for (const { configType } of httpFilters) {
      const authz = configType.case === 'typedConfig' && anyUnpack(configType.value, ExtAuthzSchema);
      if (!authz) continue;
      edit(authz);
      configType.value = anyPack(ExtAuthzSchema, authz);
    }
  });
}

function withManagers(resources: ResourceSnapshot, edit: (manager: HttpConnectionManager) => void): ResourceSnapshot {
  return withChains(resources, ({ filters }) => {
    for (const { configType } of filters) {
      const manager = configType.case === 'typedConfig' && anyUnpack(configType.value, ManagerSchema);
      if (!manager) continue;
      edit(manager);
      configType.value = anyPack(ManagerSchema, manager);
    }
  });
}

/** Of the inbound listener, those that speak TLS. */
function withChains(resources: ResourceSnapshot, edit: (chain: FilterChain) => void): ResourceSnapshot {
  const listeners = new Map(resources.types.get(typeUrls.listener));
  const inbound = listeners.get(inboundListener);
  const listener = inbound && anyUnpack(fromBinary(AnySchema, inbound.any), ListenerSchema);
  if (inbound === undefined || listener === undefined) throw new Error('there is no inbound listener');
  for (const chain of listener.filterChains) if (chain.transportSocket !== undefined) edit(chain);
  const any = toBinary(AnySchema, anyPack(ListenerSchema, listener));
  listeners.set(inboundListener, { ...inbound, any, version: contentVersion(any) });
  return {
    revision: `${resources.revision}/careless`,
    types: new Map(resources.types).set(typeUrls.listener, listeners),
  };
}
