/**
 * Where two proxies meet: what an inbound listener opens, and where an assignment leads, read from their own bytes.
 *
 *   inbound listener ──▶ doors: port and caller tenant, each a filter chain      assignment ──▶ endpoints: address and port
 *
 * The two are changed here in the only ways that the handover needs: chains that would be gone are kept, and endpoints
 * that would be there are left out. What is changed is other content, and so has another version.
 */
import { create, fromBinary } from '@bufbuild/protobuf';
import { AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import type { LbEndpoint } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { type Listener, ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { inboundListener, sniOf } from '../envoy/names.ts';
import { resource } from '../envoy/resource.ts';
import type { Listing, Resource, ResourceSnapshot } from '../xds/resource.ts';
import { typeUrls } from '../xds/type-url.ts';
import { encoded } from './encode.ts';
import { type ResourceKey, referencesWithin } from './references.ts';

/** Port and server name of one filter chain: `8080 shop.mesh.coffre`. */
export type Door = string;

/** Address and port: `10.1.0.1 8080`. */
export type EndpointKey = string;

/** The door that callers of a tenant come to at an endpoint. */
export function doorAt(endpoint: EndpointKey, callerTenant: string): Door {
  return `${endpoint.slice(endpoint.indexOf(' ') + 1)} ${sniOf(callerTenant)}`;
}

/** What those ask for who come to this door: equal for the callers of one tenant, and of no two. */
export function serverNameAt(door: Door): string {
  return door.slice(door.indexOf(' ') + 1);
}

/** Where callers come to this door, at one address of its workload. */
export function endpointBehind(door: Door, address: string): EndpointKey {
  return `${address} ${door.slice(0, door.indexOf(' '))}`;
}

export function addressOf(endpoint: EndpointKey): string {
  return endpoint.slice(0, endpoint.indexOf(' '));
}

/** One that catches all, or one for each declared port and address. */
export function inboundListeners({ types }: ResourceSnapshot): readonly Resource[] {
  const listing: Listing = types.get(typeUrls.listener) ?? new Map();
  return [...listing.values()].filter(({ name }) => name === inboundListener || name.startsWith(`${inboundListener}/`));
}

const knownDoors = new WeakMap<Resource, ReadonlyMap<Door, ReadonlySet<ResourceKey>>>();
const knownEndpoints = new WeakMap<Resource, ReadonlySet<EndpointKey>>();

/** @returns by door what its chain refers to. */
export function doorsOf(listener: Resource): ReadonlyMap<Door, ReadonlySet<ResourceKey>> {
  const known = knownDoors.get(listener);
  if (known !== undefined) return known;
  const chains = readListener(listener)?.filterChains ?? [];
  const doors = new Map(chains.flatMap((chain) => doorsIn(chain).map((door) => [door, referencesWithin(chain)])));
  knownDoors.set(listener, doors);
  return doors;
}

export function endpointsOf(assignment: Resource): ReadonlySet<EndpointKey> {
  const known = knownEndpoints.get(assignment);
  if (known !== undefined) return known;
  const localities = readAssignment(assignment)?.endpoints ?? [];
  const endpoints = new Set(localities.flatMap(({ lbEndpoints }) => lbEndpoints.flatMap(endpointIn)));
  knownEndpoints.set(assignment, endpoints);
  return endpoints;
}

/**
 * `after`, or nothing, and the chains of `before` that open `doors`. In the order of `before`, so that where nothing but those would
 * have changed the content is that of `before`.
 * @returns undefined where more than chains differs: then the former ones do not fit.
 */
export function keepingDoors(
  before: Resource,
  after: Resource | undefined,
  doors: ReadonlySet<Door>,
): Resource | undefined {
  const old = readListener(before);
  if (old === undefined) return undefined;
  const next = after === undefined ? { ...old, filterChains: [] } : readListener(after);
  if (next === undefined || versionWithoutChains(old) !== versionWithoutChains(next)) return undefined;
  const wanted = new Map(next.filterChains.flatMap((chain) => doorsIn(chain).map((door) => [door, chain])));
  const former = old.filterChains.flatMap((chain) =>
    doorsIn(chain).flatMap((door) => {
      const kept = wanted.get(door) ?? (doors.has(door) ? chain : undefined);
      return kept === undefined ? [] : [kept];
    }),
  );
  const filterChains = [...new Set([...former, ...wanted.values()])];
  return encoded(resource(ListenerSchema, next.name, create(ListenerSchema, { ...next, filterChains })));
}

export function withoutEndpoints(assignment: Resource, left: ReadonlySet<EndpointKey>): Resource {
  const read = readAssignment(assignment);
  if (read === undefined) return assignment;
  const endpoints = read.endpoints
    .map((locality) => ({
      ...locality,
      lbEndpoints: locality.lbEndpoints.filter((each) => !endpointIn(each).some((key) => left.has(key))),
    }))
    .filter(({ lbEndpoints }) => lbEndpoints.length > 0);
  const message = create(ClusterLoadAssignmentSchema, { ...read, endpoints });
  return encoded(resource(ClusterLoadAssignmentSchema, assignment.name, message));
}

/** A chain that no caller can match, such as that of a listener without any, opens nothing. */
function doorsIn({ filterChainMatch }: FilterChain): readonly Door[] {
  const { destinationPort, serverNames = [] } = filterChainMatch ?? {};
  return serverNames.map((name) => `${destinationPort ?? ''} ${name}`);
}

function endpointIn({ hostIdentifier }: LbEndpoint): readonly EndpointKey[] {
  const address = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined;
  if (address?.case !== 'socketAddress') return [];
  const { address: host, portSpecifier } = address.value;
  return portSpecifier.case === 'portValue' ? [`${host} ${portSpecifier.value}`] : [];
}

function versionWithoutChains(listener: Listener): string {
  const { name } = listener;
  return encoded(resource(ListenerSchema, name, create(ListenerSchema, { ...listener, filterChains: [] }))).version;
}

function readListener({ any }: Resource): Listener | undefined {
  return anyUnpack(fromBinary(AnySchema, any), ListenerSchema);
}

function readAssignment({ any }: Resource): ClusterLoadAssignment | undefined {
  return anyUnpack(fromBinary(AnySchema, any), ClusterLoadAssignmentSchema);
}
