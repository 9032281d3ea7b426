/**
 * Which filter chain of a listener takes a connection: Envoy's own order, each step keeping the most specific that match.
 *
 *   destination port ─▶ address ─▶ server name ─▶ transport ─▶ (application protocol, source)
 *
 * A step never goes back: where a chain names the port, those that name none are out of it. What a chain says of
 * application protocols and of the source is the caller's choice or place, and not decided here: it may match.
 */
import { BlockList, isIPv6 } from 'node:net';
import type { CidrRange } from '#gen/envoy/config/core/v3/address_pb.js';
import {
  type FilterChain,
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Dialled } from './connection.ts';
import { hasUnknownFields } from './held-resources.ts';

export interface Selection {
  /** Those that may take it; none, and it is closed. */
  readonly chains: readonly FilterChain[];
  /** It is this one, or none, for certain. */
  readonly certain: boolean;
}

/** A server name and a port that no chain names, for those that ask for none. */
const unnamedSni = 'unnamed.invalid';
const unnamedPort = 1;

export function selectChain({ filterChains, defaultFilterChain }: Listener, dialled: Dialled): Selection {
  let chains: readonly FilterChain[] = filterChains;
  chains = narrowest(chains, ({ destinationPort }) => equalOrOpen(destinationPort, dialled.port));
  chains = narrowest(chains, ({ prefixRanges }) => rangeRank(prefixRanges, dialled.address));
  chains = narrowest(chains, ({ serverNames }) => nameRank(serverNames, dialled.sni));
  const transport = dialled.transport === 'tls' ? 'tls' : 'raw_buffer';
  chains = narrowest(chains, (match) => equalOrOpen(match.transportProtocol || undefined, transport));
  const fallback = defaultFilterChain === undefined ? [] : [defaultFilterChain];
  if (chains.length === 0) return { chains: fallback, certain: true };
  const certain = chains.length === 1 && !chains.some(dependsOnSource);
  return { chains: certain ? chains : [...chains, ...fallback], certain };
}

/** Connections of which one at least is taken by this chain, if any is. */
export function waysInto(chain: FilterChain, { filterChains }: Listener, address: string): readonly Dialled[] {
  const { destinationPort, serverNames = [], transportProtocol = '' } = chain.filterChainMatch ?? {};
  const declared = filterChains.flatMap(({ filterChainMatch }) => filterChainMatch?.destinationPort ?? []);
  const ports = destinationPort === undefined ? [unnamedPort, ...new Set(declared)] : [destinationPort];
  const transports: readonly Dialled['transport'][] =
    transportProtocol === '' ? ['tls', 'plaintext'] : [transportProtocol === 'tls' ? 'tls' : 'plaintext'];
  const names = serverNames.length > 0 ? serverNames.map((name) => name.replace(/^\*/, 'unnamed')) : [unnamedSni];
  return ports.flatMap((port) =>
    transports.flatMap((transport): readonly Dialled[] =>
      transport === 'tls' ? names.map((sni) => ({ address, port, transport, sni })) : [{ address, port, transport }],
    ),
  );
}

/** Keeps those of the highest rank; 0 stands for "asks for nothing", undefined for "does not match". */
function narrowest(
  chains: readonly FilterChain[],
  rank: (match: Pick<FilterChainMatch, keyof FilterChainMatch>) => number | undefined,
): readonly FilterChain[] {
  const ranked = chains.flatMap((chain) => {
    const value = chain.filterChainMatch === undefined ? 0 : rank(chain.filterChainMatch);
    return value === undefined ? [] : [{ chain, value }];
  });
  const best = Math.max(0, ...ranked.map(({ value }) => value));
  return ranked.filter(({ value }) => value === best).map(({ chain }) => chain);
}

function equalOrOpen<T>(wanted: T | undefined, actual: T): number | undefined {
  if (wanted === undefined) return 0;
  return wanted === actual ? 1 : undefined;
}

function rangeRank(ranges: readonly CidrRange[], address: string): number | undefined {
  if (ranges.length === 0) return 0;
  const lengths = ranges.flatMap((range) => (isWithin(range, address) ? [1 + (range.prefixLen ?? 0)] : []));
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

function isWithin({ addressPrefix, prefixLen = 0 }: CidrRange, address: string): boolean {
  const family = isIPv6(addressPrefix) ? 'ipv6' : 'ipv4';
  if (isIPv6(address) !== (family === 'ipv6')) return false;
  const list = new BlockList();
  list.addSubnet(addressPrefix, prefixLen, family);
  return list.check(address, family);
}

/** An exact name comes before the longest wildcard. */
function nameRank(names: readonly string[], sni: string | undefined): number | undefined {
  if (names.length === 0) return 0;
  const ranks = names.flatMap((name) => {
    if (name === sni) return [Number.MAX_SAFE_INTEGER];
    return name.startsWith('*.') && sni?.endsWith(name.slice(1)) ? [name.length] : [];
  });
  return ranks.length === 0 ? undefined : Math.max(...ranks);
}

function dependsOnSource({ filterChainMatch: match }: FilterChain): boolean {
  if (match === undefined) return false;
  return (
    hasUnknownFields(match) ||
    match.applicationProtocols.length > 0 ||
    match.sourceType !== SourceType.ANY ||
    match.addressSuffix !== '' ||
    match.suffixLen !== undefined ||
    match.directSourcePrefixRanges.length + match.sourcePrefixRanges.length + match.sourcePorts.length > 0
  );
}
