/** Small real Envoy resources over Unix sockets: a listener per name, an EDS cluster per name, a route per listener. */
import { create, type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { AnySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigSource } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { ApiVersion, ConfigSourceSchema } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import { contentVersion, type Resource, type ResourceSnapshot } from '../../src/xds/resource.ts';

export interface EnvoyContents {
  readonly listeners: readonly string[];
  /** Listeners without a route configuration, which Envoy refuses. */
  readonly badListeners?: readonly string[];
  readonly clusters: readonly string[];
  /** Route name to cluster name. */
  readonly routes: Readonly<Record<string, string>>;
  /** Listener name to route name, where they differ. */
  readonly routeNames?: Readonly<Record<string, string>>;
}

const overAds: ConfigSource = create(ConfigSourceSchema, {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: 'ads', value: {} },
});

export function envoySnapshotOf(contents: EnvoyContents, folder: string, upstreamPort: number): ResourceSnapshot {
  const { listeners, badListeners = [], clusters, routes, routeNames = {} } = contents;
  const listings = [
    listingOf(ListenerSchema, [
      ...listeners.map((name) => listenerOf(name, folder, routeNames[name] ?? name)),
      ...badListeners.map((name) => listenerOf(name, folder, undefined)),
    ]),
    listingOf(ClusterSchema, clusters.map(clusterOf)),
    listingOf(
      ClusterLoadAssignmentSchema,
      clusters.map((clusterName) =>
        create(ClusterLoadAssignmentSchema, { clusterName, endpoints: [{ lbEndpoints: [endpointOf(upstreamPort)] }] }),
      ),
      ({ clusterName }) => clusterName,
    ),
    listingOf(
      RouteConfigurationSchema,
      Object.entries(routes).map(([name, cluster]) => routeOf(name, cluster)),
    ),
    listingOf(RuntimeSchema, [create(RuntimeSchema, { name: 'layer', layer: {} })]),
  ];
  return { revision: 'e2e', types: new Map(listings) };
}

function listingOf<D extends DescMessage>(
  schema: D,
  messages: readonly MessageShape<D>[],
  nameOf = (message: MessageShape<D>): string => String(Reflect.get(message, 'name')),
): readonly [string, ReadonlyMap<string, Resource>] {
  const typeUrl = `type.googleapis.com/${schema.typeName}`;
  const resources = messages.map((message) => {
    const any = toBinary(AnySchema, anyPack(schema, message));
    const name = nameOf(message);
    return [name, { typeUrl, name, version: contentVersion(any), any }] as const;
  });
  return [typeUrl, new Map(resources)];
}

function listenerOf(name: string, folder: string, routeConfigName: string | undefined) {
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix: name,
    ...(routeConfigName === undefined
      ? {}
      : { routeSpecifier: { case: 'rds', value: { configSource: overAds, routeConfigName } } }),
    httpFilters: [
      { name: 'router', configType: { case: 'typedConfig', value: anyPack(RouterSchema, create(RouterSchema)) } },
    ],
  });
  const typedConfig = anyPack(HttpConnectionManagerSchema, manager);
  return create(ListenerSchema, {
    name,
    address: { address: { case: 'pipe', value: { path: `${folder}/${name}.sock` } } },
    filterChains: [{ filters: [{ name: 'http', configType: { case: 'typedConfig', value: typedConfig } }] }],
  });
}

function clusterOf(name: string) {
  return create(ClusterSchema, {
    name,
    connectTimeout: { seconds: 1n },
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: overAds },
  });
}

function endpointOf(portValue: number) {
  const portSpecifier = { case: 'portValue', value: portValue } as const;
  const address = { case: 'socketAddress', value: { address: '127.0.0.1', portSpecifier } } as const;
  return { hostIdentifier: { case: 'endpoint', value: { address: { address } } } } as const;
}

function routeOf(name: string, cluster: string) {
  const action = { clusterSpecifier: { case: 'cluster', value: cluster } } as const;
  const route = {
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'route', value: action },
  } as const;
  return create(RouteConfigurationSchema, { name, virtualHosts: [{ name: 'all', domains: ['*'], routes: [route] }] });
}

/** Envoy's own grows to half a minute, which a test that restarts the server would wait for. */
const backOff = { base_interval: '0.1s', max_interval: '0.5s' };

export function bootstrapOf(apiType: 'GRPC' | 'DELTA_GRPC', folder: string): object {
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: { id: 'e2e', cluster: 'e2e' },
    admin: { address: { pipe: { path: `${folder}/admin.sock` } } },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds', retry_policy: { retry_back_off: backOff } } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    layered_runtime: { layers: [{ name: 'layer', rtds_layer: { name: 'layer', rtds_config: ads } }] },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          connect_timeout: '1s',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: `${folder}/xds.sock` } } } }] }],
          },
        },
      ],
    },
  };
}
