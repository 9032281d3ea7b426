/**
 * What a case tells a server to serve: words, carried by real resources of each type, so that any server can take them.
 *
 *   { cluster: { X: '1' } } ──wireResources──▶ Any, base64 ──▶ server ──▶ Any ──contentOf──▶ ['X', '1']
 *
 * The word sits in a field that means nothing to the protocol (a stat prefix, a zone), so equal words are equal bytes.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { RuntimeSchema } from '#gen/envoy/service/runtime/v3/rtds_pb.js';
import type { WireResource } from './adapter.ts';

/** How one type carries a word. */
interface Carrier {
  readonly typeUrl: string;
  encode(name: string, word: string): Any;
  decode(bytes: Uint8Array): readonly [string, string];
}

function carrier<D extends DescMessage>(
  schema: D,
  build: (name: string, word: string) => MessageInitShape<D>,
  read: (message: MessageShape<D>) => readonly [string, string | undefined],
): Carrier {
  return {
    typeUrl: `type.googleapis.com/${schema.typeName}`,
    encode: (name, word) => anyPack(schema, create(schema, build(name, word))),
    decode(bytes) {
      const [name, word = ''] = read(fromBinary(schema, bytes));
      return [name, word];
    },
  };
}

/** The content of a cluster whose endpoints come by EDS under its own name. */
export const withEndpoints = 'eds';

const overAds = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: 'ads', value: {} },
} as const;

const edsCluster = {
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
  edsClusterConfig: { edsConfig: overAds },
} as const;

const genericSecret = (word: string) =>
  ({
    case: 'genericSecret',
    value: { secret: { specifier: { case: 'inlineString', value: word } } },
  }) as const;

const carriers = {
  listener: carrier(
    ListenerSchema,
    (name, word) => ({ name, statPrefix: word }),
    ({ name, statPrefix }) => [name, statPrefix],
  ),
  cluster: carrier(
    ClusterSchema,
    (name, word) => ({ name, altStatName: word, ...(word === withEndpoints ? edsCluster : {}) }),
    ({ name, altStatName }) => [name, altStatName],
  ),
  endpoints: carrier(
    ClusterLoadAssignmentSchema,
    (clusterName, zone) => ({ clusterName, endpoints: [{ locality: { zone } }] }),
    ({ clusterName, endpoints }) => [clusterName, endpoints[0]?.locality?.zone],
  ),
  route: carrier(
    RouteConfigurationSchema,
    (name, word) => ({ name, virtualHosts: [{ name: word, domains: ['*'] }] }),
    ({ name, virtualHosts }) => [name, virtualHosts[0]?.name],
  ),
  secret: carrier(
    SecretSchema,
    (name, word) => ({ name, type: genericSecret(word) }),
    ({ name, type }) => [name, String(type.case === 'genericSecret' ? type.value.secret?.specifier.value : undefined)],
  ),
  runtime: carrier(
    RuntimeSchema,
    (name, word) => ({ name, layer: { word } }),
    ({ name, layer }) => [name, String(layer?.['word'])],
  ),
  extension: carrier(
    TypedExtensionConfigSchema,
    (name, word) => ({ name, typedConfig: anyPack(StringValueSchema, create(StringValueSchema, { value: word })) }),
    ({ name, typedConfig }) => [name, fromBinary(StringValueSchema, typedConfig?.value ?? new Uint8Array()).value],
  ),
} as const satisfies Record<string, Carrier>;

export type TypeName = keyof typeof carriers;

const typeNames = Object.keys(carriers) as TypeName[];

export function typeUrlOf(type: TypeName): string {
  return carriers[type].typeUrl;
}

/** @returns the URL itself where no case speaks of the type. */
export function typeNameOf(typeUrl: string): string {
  return typeNames.find((type) => carriers[type].typeUrl === typeUrl) ?? typeUrl;
}

/** What a client drops after a while, and what is served in its place to a client that could not drop it. */
export interface Expiring {
  readonly word: string;
  readonly ttlMs: number;
  readonly otherwise: string;
}

/** By type, then resource name: the word. A type that is left out is not spoken of. */
export type Contents = Partial<Record<TypeName, Readonly<Record<string, string | Expiring>>>>;

export function wireResources(contents: Contents): readonly WireResource[] {
  return (Object.keys(contents) as TypeName[]).flatMap((type) =>
    Object.entries(contents[type] ?? {}).map(([name, content]) => {
      const encoded = (word: string) =>
        Buffer.from(toBinary(AnySchema, carriers[type].encode(name, word))).toString('base64');
      const head = { typeUrl: typeUrlOf(type), name };
      if (typeof content === 'string') return { ...head, any: encoded(content) };
      const { word, ttlMs, otherwise } = content;
      return { ...head, any: encoded(word), ttl: { ms: ttlMs, otherwise: encoded(otherwise) } };
    }),
  );
}

/** @throws where the resource is of no type that a case speaks of. */
export function contentOf({ typeUrl, value }: Any): readonly [string, string] {
  const type = typeNames.find((each) => carriers[each].typeUrl === typeUrl);
  if (type === undefined) throw new Error(`a resource of type \`${typeUrl}\` came`);
  return carriers[type].decode(value);
}
