/**
 * What one resource says of others by name: read from its own bytes, so that no builder can forget to declare one.
 *
 *   listener ──▶ routes, clusters, secrets, extensions     route ──▶ clusters     cluster ──▶ endpoints, secrets
 *
 * Names that nothing of the same configuration bears (a cluster of the bootstrap, the chain that never matches) are
 * among them: whoever asks compares with what there is.
 */
import { fromBinary, isMessage } from '@bufbuild/protobuf';
import { AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { GrpcService_EnvoyGrpcSchema } from '#gen/envoy/config/core/v3/grpc_service_pb.js';
import { FilterSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import {
  RouteActionSchema,
  WeightedCluster_ClusterWeightSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import {
  HttpFilterSchema,
  RdsSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { SdsSecretConfigSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { envoyRegistry } from '../envoy/registry.ts';
import type { Resource } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';

/** Names a resource within one configuration: `type URL`, a space, name. */
export type ResourceKey = string;

export function keyOf({ typeUrl, name }: Pick<Resource, 'typeUrl' | 'name'>): ResourceKey {
  return `${typeUrl} ${name}`;
}

/** By resource: a value never changes, and the same one is asked about for every proxy that has it. */
const known = new WeakMap<Resource, ReadonlySet<ResourceKey>>();

export function referencesOf(resource: Resource): ReadonlySet<ResourceKey> {
  const before = known.get(resource);
  if (before !== undefined) return before;
  const found = referencesWithin(fromBinary(AnySchema, resource.any));
  known.set(resource, found);
  return found;
}

/** Of a message, or of a part of one. */
export function referencesWithin(part: unknown): ReadonlySet<ResourceKey> {
  const found = new Set<ResourceKey>();
  collect(part, found);
  return found;
}

function collect(value: unknown, found: Set<ResourceKey>): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (isMessage(value, AnySchema)) {
    collect(anyUnpack(value, envoyRegistry), found);
    return;
  }
  const reference = referenceIn(value);
  if (reference !== undefined) found.add(keyOf(reference));
  for (const part of Object.values(value)) collect(part, found);
}

function referenceIn(value: object): Pick<Resource, 'typeUrl' | 'name'> | undefined {
  if (isMessage(value, RouteActionSchema) || isMessage(value, TcpProxySchema)) {
    const { clusterSpecifier } = value;
    return clusterSpecifier.case === 'cluster' ? cluster(clusterSpecifier.value) : undefined;
  }
  if (isMessage(value, WeightedCluster_ClusterWeightSchema)) return cluster(value.name);
  if (isMessage(value, GrpcService_EnvoyGrpcSchema)) return cluster(value.clusterName);
  if (isMessage(value, RdsSchema)) return { typeUrl: typeUrls.route, name: value.routeConfigName };
  if (isMessage(value, SdsSecretConfigSchema)) return { typeUrl: typeUrls.secret, name: value.name };
  if (isMessage(value, FilterSchema) || isMessage(value, HttpFilterSchema)) {
    const isDiscovered = value.configType.case === 'configDiscovery';
    return isDiscovered ? { typeUrl: typeUrls.extension, name: value.name } : undefined;
  }
  if (isMessage(value, ClusterSchema)) {
    const { clusterDiscoveryType: type, edsClusterConfig, name } = value;
    const isDiscovered = type.case === 'type' && type.value === Cluster_DiscoveryType.EDS;
    return isDiscovered ? { typeUrl: typeUrls.endpoints, name: edsClusterConfig?.serviceName || name } : undefined;
  }
  return undefined;
}

function cluster(name: string): Pick<Resource, 'typeUrl' | 'name'> {
  return { typeUrl: typeUrls.cluster, name };
}
