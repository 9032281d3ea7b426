/** Resources as small as they can be and still refer to each other, for tests of how a configuration is rolled out. */
import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { externalHttp } from '../../src/envoy/http-connection-manager.ts';
import { durationOf, type EnvoyResource, resource } from '../../src/envoy/resource.ts';
import { contentVersion, type Resource, type ResourceSnapshot } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';

/** @param ms what tells two contents of one name apart. */
export function cluster(name: string, ms = 1): Resource {
  const type = { case: 'type', value: Cluster_DiscoveryType.STATIC } as const;
  return encoded(
    resource(
      ClusterSchema,
      name,
      create(ClusterSchema, { name, clusterDiscoveryType: type, connectTimeout: durationOf(ms) }),
    ),
  );
}

export function route(name: string, clusters: readonly string[], ms = 1): Resource {
  const routes = clusters.map((to) => ({
    match: { pathSpecifier: { case: 'prefix', value: `/${to}` } },
    action: {
      case: 'route',
      value: { clusterSpecifier: { case: 'cluster', value: to }, timeout: durationOf(ms) },
    },
  })) as never;
  const virtualHosts = [{ name: 'all', domains: ['*'], routes }];
  return encoded(resource(RouteConfigurationSchema, name, create(RouteConfigurationSchema, { name, virtualHosts })));
}

function listener(name: string, routeName: string): Resource {
  const filterChains = [{ filters: [externalHttp(routeName)] }];
  return encoded(resource(ListenerSchema, name, create(ListenerSchema, { name, filterChains })));
}

export function secret(name: string, text = ''): Resource {
  const type = {
    case: 'genericSecret',
    value: { secret: { specifier: { case: 'inlineString', value: text } } },
  } as const;
  return encoded(resource(SecretSchema, name, create(SecretSchema, { name, type })));
}

/** One service as its caller sees it. */
export function way(service: string, ms = 1): readonly Resource[] {
  return [
    listener(`out/${service}/10.0.0.1`, `out/${service}`),
    route(`out/${service}`, [service], ms),
    cluster(service),
  ];
}

export function snapshot(resources: readonly Resource[], revision = 'r'): ResourceSnapshot {
  const types = new Map<string, Map<string, Resource>>(Object.values(typeUrls).map((typeUrl) => [typeUrl, new Map()]));
  for (const each of resources) types.get(each.typeUrl)?.set(each.name, each);
  return { revision, types };
}

function encoded({ typeUrl, name, any }: EnvoyResource): Resource {
  const bytes = toBinary(AnySchema, any);
  return { typeUrl, name, version: contentVersion(bytes), any: bytes };
}
