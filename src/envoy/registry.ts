/** Every message type of ours that may stand inside an `Any`: without it protobuf-es can neither print nor read one. */
import { createRegistry } from '@bufbuild/protobuf';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { OpenTelemetryConfigSchema } from '#gen/envoy/config/trace/v3/opentelemetry_pb.js';
import { ExpressionFilterSchema } from '#gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import { StdoutAccessLogSchema } from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { CredentialInjectorSchema } from '#gen/envoy/extensions/filters/http/credential_injector/v3/credential_injector_pb.js';
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '#gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { HealthCheckSchema } from '#gen/envoy/extensions/filters/http/health_check/v3/health_check_pb.js';
import {
  RBACSchema as HttpRbacSchema,
  RBACPerRouteSchema,
} from '#gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { UpstreamCodecSchema } from '#gen/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RBACSchema as NetworkRbacSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { HeaderMutationSchema } from '#gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';
import { GenericSchema } from '#gen/envoy/extensions/http/injected_credentials/generic/v3/generic_pb.js';
import { UuidRequestIdConfigSchema } from '#gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import { DownstreamConnectionsConfigSchema } from '#gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js';
import { PreviousHostsPredicateSchema } from '#gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js';
import {
  ParentBasedSamplerConfigSchema,
  TraceIdRatioBasedSamplerConfigSchema,
} from '#gen/envoy/extensions/tracers/opentelemetry/samplers/v3/samplers_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';

export const envoyRegistry = createRegistry(
  // Resources
  ListenerSchema,
  RouteConfigurationSchema,
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  SecretSchema,
  RuntimeSchema,
  TypedExtensionConfigSchema,
  // What stands inside them and the bootstrap
  StdoutAccessLogSchema,
  ExpressionFilterSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
  CredentialInjectorSchema,
  GenericSchema,
  UpstreamCodecSchema,
  HttpProtocolOptionsSchema,
  HttpConnectionManagerSchema,
  HeaderMutationSchema,
  OpenTelemetryConfigSchema,
  UuidRequestIdConfigSchema,
  PreviousHostsPredicateSchema,
  ParentBasedSamplerConfigSchema,
  TraceIdRatioBasedSamplerConfigSchema,
  HttpRbacSchema,
  RBACPerRouteSchema,
  ExtAuthzSchema,
  ExtAuthzPerRouteSchema,
  HTTPFaultSchema,
  HealthCheckSchema,
  RouterSchema,
  NetworkRbacSchema,
  TcpProxySchema,
  OriginalDstSchema,
  TlsInspectorSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
  DownstreamConnectionsConfigSchema,
);
