/**
 * What one proxy was told, as messages: decoded from the very bytes that travel, each content once.
 *
 * Nothing of what made these bytes is asked. A message that cannot be decoded, or holds a field that our copy of Envoy's
 * protocol does not know, is not understood, and whoever reads it has to say so.
 */
import { type DescMessage, fromBinary, type Message, type MessageShape } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { type Cluster, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { type TypedExtensionConfig, TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { type RouteConfiguration, RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { type Secret, SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { Resource, ResourceSnapshot } from '../xds/resource.ts';

/** Kept for as long as their bytes are: proxies of one class share most of them. */
const decoded = new WeakMap<Resource, Message>();

export class HeldResources {
  readonly #snapshot: ResourceSnapshot;

  constructor(snapshot: ResourceSnapshot) {
    this.#snapshot = snapshot;
  }

  /** @throws where one cannot be decoded; so do the others. */
  listeners(): readonly Listener[] {
    const listing = this.#snapshot.types.get(typeUrlOf(ListenerSchema)) ?? new Map<string, Resource>();
    return [...listing.values()].map((resource) => decode(ListenerSchema, resource));
  }

  route(name: string): RouteConfiguration | undefined {
    return this.#find(RouteConfigurationSchema, name);
  }

  cluster(name: string): Cluster | undefined {
    return this.#find(ClusterSchema, name);
  }

  endpoints(name: string): ClusterLoadAssignment | undefined {
    return this.#find(ClusterLoadAssignmentSchema, name);
  }

  secret(name: string): Secret | undefined {
    return this.#find(SecretSchema, name);
  }

  extension(name: string): TypedExtensionConfig | undefined {
    return this.#find(TypedExtensionConfigSchema, name);
  }

  #find<Desc extends DescMessage>(schema: Desc, name: string): MessageShape<Desc> | undefined {
    const resource = this.#snapshot.types.get(typeUrlOf(schema))?.get(name);
    return resource === undefined ? undefined : decode(schema, resource);
  }
}

/** @returns undefined where the `Any` is absent or holds another type. @throws where its bytes are none of that type. */
export function unpacked<Desc extends DescMessage>(schema: Desc, any: Any | undefined): MessageShape<Desc> | undefined {
  return any === undefined ? undefined : anyUnpack(any, schema);
}

/** A field that our copy of the protocol does not know: it may mean anything. */
export function hasUnknownFields(...messages: readonly (Message | undefined)[]): boolean {
  return messages.some((message) => (message?.$unknown?.length ?? 0) > 0);
}

function decode<Desc extends DescMessage>(schema: Desc, resource: Resource): MessageShape<Desc> {
  const known = decoded.get(resource);
  if (known !== undefined && known.$typeName === schema.typeName) return known as MessageShape<Desc>;
  const message = unpacked(schema, fromBinary(AnySchema, resource.any));
  if (message === undefined) throw new Error(`\`${resource.name}\` is not what its type URL says`);
  decoded.set(resource, message);
  return message;
}

function typeUrlOf({ typeName }: DescMessage): string {
  return `type.googleapis.com/${typeName}`;
}
