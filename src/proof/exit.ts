/**
 * Where a sidecar itself leads what comes to it, by its listeners, routes, clusters and endpoints.
 *
 *   listener ──▶ tcp_proxy, or routes ──▶ cluster ──TLS: its SNI, whom it believes──▶ endpoint
 *
 * Inbound chains are read as well: a cluster of theirs with an endpoint elsewhere would be a way on.
 */
import { type Cluster, Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { adminCluster, unresolvedCluster } from '../envoy/names.ts';
import { type ChainReading, readChain } from './chain-reading.ts';
import type { Connection } from './connection.ts';
import { type HeldResources, hasUnknownFields, unpacked } from './held-resources.ts';
import type { HttpReading } from './http-reading.ts';
import { type Trust, trustOf } from './trust-reading.ts';

export interface Exit {
  readonly listener: string;
  readonly cluster: string;
  /** What may come by it; absent for opaque bytes. */
  readonly http?: HttpReading;
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  readonly upstream: Upstream;
  /** It may lead elsewhere too: why that is not known. */
  readonly strange: string | undefined;
}

export type Upstream =
  | { readonly kind: 'plaintext' }
  | { readonly kind: 'tls'; readonly sni: string; readonly trust: Trust; readonly showsCertificate: boolean };

/** What an application says to its own sidecar, over loopback or by redirection. */
export const fromApplication: Connection = {
  address: '127.0.0.1',
  port: 0,
  transport: 'plaintext',
  peer: { kind: 'plaintext' },
};

export function exitsOf(held: HeldResources): readonly Exit[] {
  try {
    return readExits(held);
  } catch (error) {
    return [anywhere('', error instanceof Error ? error.message : String(error))];
  }
}

function readExits(held: HeldResources): readonly Exit[] {
  return held.listeners().flatMap((listener) => {
    const { filterChains, defaultFilterChain } = listener;
    const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
    return chains.flatMap((chain) => exitsOfChain(listener.name, readChain(chain, held), held));
  });
}

function exitsOfChain(listener: string, { filters }: ChainReading, held: HeldResources): readonly Exit[] {
  return filters.flatMap((filter): readonly Exit[] => {
    switch (filter.kind) {
      case 'tcp':
        return filter.clusters.flatMap((cluster) => exitTo(listener, cluster, held) ?? []);
      case 'http': {
        const { http } = filter;
        if (http.strange !== undefined) return [anywhere(listener, http.strange)];
        return [...http.clusters()].flatMap((cluster) => {
          if (cluster === undefined) return [anywhere(listener, 'how its routes choose a cluster')];
          const exit = exitTo(listener, cluster, held);
          return exit === undefined ? [] : [{ ...exit, http }];
        });
      }
      case 'strange':
        return [anywhere(listener, filter.why)];
      default:
        return [];
    }
  });
}

/** A way of which it is not known where it leads. */
export function anywhere(listener: string, strange: string): Exit {
  return { listener, cluster: '', endpoints: [], upstream: { kind: 'plaintext' }, strange };
}

/** @returns undefined for what leads to nobody: a cluster that is not there, or the proxy itself. */
function exitTo(listener: string, name: string, held: HeldResources): Exit | undefined {
  const cluster = held.cluster(name);
  if (cluster === undefined || name === adminCluster || name === unresolvedCluster) return undefined;
  const assignment = cluster.loadAssignment ?? held.endpoints(cluster.edsClusterConfig?.serviceName || name);
  const upstream = upstreamOf(cluster, held);
  const strange = strangenessOf(cluster, assignment) ?? (typeof upstream === 'string' ? upstream : undefined);
  return {
    listener,
    cluster: name,
    endpoints: addressesIn(assignment),
    upstream: typeof upstream === 'string' ? { kind: 'plaintext' } : upstream,
    strange,
  };
}

function strangenessOf(cluster: Cluster, assignment: ClusterLoadAssignment | undefined): string | undefined {
  const { clusterDiscoveryType: how, transportSocketMatches, typedExtensionProtocolOptions: options } = cluster;
  const known = [
    Cluster_DiscoveryType.STATIC,
    Cluster_DiscoveryType.EDS,
    Cluster_DiscoveryType.STRICT_DNS,
    Cluster_DiscoveryType.LOGICAL_DNS,
  ];
  if (how.case !== 'type' || !known.includes(how.value)) return `how the cluster \`${cluster.name}\` finds endpoints`;
  if (transportSocketMatches.length > 0) return `the transport sockets of \`${cluster.name}\``;
  const http = Object.values(options).map((any) => unpacked(HttpProtocolOptionsSchema, any));
  if (http.some((each) => each === undefined || each.upstreamHttpProtocolOptions !== undefined)) {
    return `the protocol options of \`${cluster.name}\``;
  }
  return hasUnknownFields(cluster, assignment) ? `a field of the cluster \`${cluster.name}\`` : undefined;
}

/** @returns in words what is not understood. */
function upstreamOf({ name, transportSocket }: Cluster, held: HeldResources): Upstream | string {
  if (transportSocket === undefined) return { kind: 'plaintext' };
  const tls = unpacked(UpstreamTlsContextSchema, transportSocket.configType.value);
  if (tls === undefined || hasUnknownFields(tls)) return `the transport socket of \`${name}\``;
  const common = tls.commonTlsContext;
  const own = [...(common?.tlsCertificates ?? []), ...(common?.tlsCertificateSdsSecretConfigs ?? [])];
  return { kind: 'tls', sni: tls.sni, trust: trustOf(common, held), showsCertificate: own.length > 0 };
}

/** Of names, that a resolver answers for, nothing is known: they lead out of the mesh. */
function addressesIn(assignment: ClusterLoadAssignment | undefined): Exit['endpoints'] {
  return (assignment?.endpoints ?? []).flatMap(({ lbEndpoints }) =>
    lbEndpoints.flatMap(({ hostIdentifier }) => {
      const address = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined;
      if (address?.case !== 'socketAddress' || address.value.portSpecifier.case !== 'portValue') return [];
      return [{ address: address.value.address, port: address.value.portSpecifier.value }];
    }),
  );
}
