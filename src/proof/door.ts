/**
 * Where a proxy can be dialled from outside its pod, as its listeners and its way of capture say.
 *
 *   transparent   any port but the reserved ones ──redirected──▶ 15006       and the two doors that are left out of it
 *   explicit      each socket that a listener binds to an address of the workload
 */
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import { inboundCapturePort, inspectionPort, reservedPorts, statisticsPort } from '../model/ports.ts';
import type { Workload } from '../model/snapshot.ts';
import { type ChainReading, readChain } from './chain-reading.ts';
import { selectChain, waysInto } from './chain-selection.ts';
import type { Dialled } from './connection.ts';
import { type HeldResources, hasUnknownFields, unpacked } from './held-resources.ts';

/** What of a workload the proof asks. */
export type Place = Pick<Workload, 'key' | 'tenant' | 'spiffeId' | 'addresses' | 'capture'>;

/** One filter chain, and the connections that it takes. */
export interface Door {
  readonly workload: string;
  readonly listener: string;
  readonly chain: ChainReading;
  /** As the listener sees them; `port` of each is what is dialled. */
  readonly ways: readonly Dialled[];
  /** The chain takes no other for certain; what it may take beside is told by more than address, port and server name. */
  readonly certain: boolean;
  /** Whether it may take this connection. */
  takes(dialled: Dialled): boolean;
  /** What of the listener nobody here understands. */
  readonly strange: string | undefined;
}

/** Connections to these ports that the door takes. @param ports absent: any. */
export function waysTo({ ways, takes }: Door, ports: ReadonlySet<number> | undefined): readonly Dialled[] {
  if (ports === undefined) return ways;
  const named = ways.filter(({ port }) => ports.has(port));
  if (named.length > 0) return named;
  // A chain that names no port takes those that no other names.
  return ways.flatMap((way) => [...ports].map((port) => ({ ...way, port }))).filter(takes);
}

/** @throws where a resource cannot be decoded. */
export function doorsOf(place: Place, held: HeldResources): readonly Door[] {
  return held.listeners().flatMap((listener) => (isOpen(listener, place) ? doorsAt(listener, place, held) : []));
}

function doorsAt(listener: Listener, place: Place, held: HeldResources): readonly Door[] {
  const { filterChains, defaultFilterChain } = listener;
  const chains = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  const strange = strangenessOf(listener);
  const accepts = accepted(listener, place);
  return chains.flatMap((chain) => {
    const takes = (dialled: Dialled) =>
      strange !== undefined || (accepts(dialled) && selectChain(listener, dialled).chains.includes(chain));
    const ways = place.addresses
      .flatMap((address) => waysInto(chain, listener, address))
      .map((way) => (accepts(way) ? way : { ...way, port: portOf(listener) ?? 0 }))
      .filter(takes);
    if (ways.length === 0) return [];
    const certain = ways.every((way) => selectChain(listener, way).certain);
    const reading = readChain(chain, held);
    return [{ workload: place.key, listener: listener.name, chain: reading, ways, certain, takes, strange }];
  });
}

/** Connections that come to this listener with the port that was dialled: by redirection any, otherwise its own only. */
function accepted(listener: Listener, { capture }: Place): (dialled: Dialled) => boolean {
  const own = portOf(listener);
  const socket = listener.address?.address.value;
  const bound = socket?.$typeName === 'envoy.config.core.v3.SocketAddress' ? socket.address : '';
  const captures = capture === 'transparent' && own === inboundCapturePort && seesOriginal(listener);
  return ({ address, port }) =>
    captures ? !isReserved(port) : port === own && (capture === 'transparent' || isAny(bound) || bound === address);
}

function isOpen(listener: Listener, { capture, addresses }: Place): boolean {
  if (listener.bindToPort === false) return false;
  const port = portOf(listener);
  // An address of another kind is dialled in ways that are not known here; `strangenessOf` says so.
  if (port === undefined) return listener.address?.address.case !== 'pipe';
  if (capture === 'transparent')
    return port === inboundCapturePort || port === inspectionPort || port === statisticsPort;
  const address = listener.address?.address.case === 'socketAddress' ? listener.address.address.value.address : '';
  return addresses.includes(address) || isAny(address);
}

function strangenessOf(listener: Listener): string | undefined {
  const { listenerFilters, filterChainMatcher, useOriginalDst, additionalAddresses } = listener;
  const filter = listenerFilters.find(({ configType }) => {
    const any = configType.case === 'typedConfig' ? configType.value : undefined;
    return unpacked(OriginalDstSchema, any) === undefined && unpacked(TlsInspectorSchema, any) === undefined;
  });
  if (filter !== undefined) return `the listener filter \`${filter.name}\``;
  if (filterChainMatcher !== undefined) return 'a tree of matchers that chooses filter chains';
  if (useOriginalDst === true && portOf(listener) === inboundCapturePort) return 'a hand-over to other listeners';
  if (additionalAddresses.length > 0) return 'more addresses of one listener';
  if (portOf(listener) === undefined) return 'an address that is no IP address and port';
  return hasUnknownFields(listener) ? 'a field of the listener' : undefined;
}

function seesOriginal({ listenerFilters }: Listener): boolean {
  return listenerFilters.some(
    ({ configType }) =>
      configType.case === 'typedConfig' && unpacked(OriginalDstSchema, configType.value) !== undefined,
  );
}

function portOf({ address }: Listener): number | undefined {
  const socket = address?.address.case === 'socketAddress' ? address.address.value : undefined;
  return socket?.portSpecifier.case === 'portValue' ? socket.portSpecifier.value : undefined;
}

function isReserved(port: number): boolean {
  return reservedPorts.first <= port && port <= reservedPorts.last;
}

function isAny(address: string): boolean {
  return address === '::' || address === '0.0.0.0';
}
