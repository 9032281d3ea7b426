/**
 * What one kin is let do beside what everybody is: who comes to which of its ports, whom it calls, and the ways out of the
 * mesh.
 *
 *   ways in ──▶ ingress: peers by port      ways out ──▶ egress: ports by peers      external ports ──▶ public addresses
 *
 * Both sides of a way say it: a packet passes where egress and ingress agree. Out of the mesh a policy knows no names, so
 * it opens the port to all public addresses, and to no others: not to nodes, not to pods, and not to `169.254.169.254`,
 * where clouds hand out keys. Which name it is, the sidecar judges.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import { statisticsPort } from '../../model/ports.ts';
import { hostOf } from './base-policy.ts';
import type { Kin } from './kin.ts';
import { type EgressRule, type NetworkPolicy, networkPolicy, type Peer, podsOf, tcp } from './network-policy.ts';
import type { Way } from './ways.ts';

export interface KinWays {
  readonly kin: Kin;
  readonly into: readonly Way[];
  readonly outOf: readonly Way[];
  /** Ports of services outside the mesh, sorted. */
  readonly externalPorts: readonly number[];
  /** Whose statistics it reads. */
  readonly scraped: readonly Peer[];
}

export interface Addresses {
  /** Every public address, as peers. */
  readonly outside: readonly Peer[];
  /** Of the nodes: a pod that has one is in its node's network, and no selector takes it. */
  readonly ofNodes: ReadonlySet<string>;
}

/** Largest rule list of one direction, in characters: an object has 1.5 MiB. Beyond it whole namespaces are named. */
const rulesMax = 400_000;

/** @returns nothing where the kin is let do nothing more. */
export function kinPolicy(ways: KinWays, addresses: Addresses): NetworkPolicy | undefined {
  const { kin, externalPorts, scraped } = ways;
  const peers = (each: Kin) => peersOf(each, addresses);
  const coarse = ({ namespace }: Kin) => [podsOf(namespace, {})];
  const ingress = bounded(ingressOf(ways, peers), () => ingressOf(ways, coarse));
  const egress = bounded(egressOf(ways, peers), () => egressOf(ways, coarse));
  const more = [
    ...(scraped.length === 0 ? [] : [{ to: scraped, ports: tcp(statisticsPort) }]),
    ...(externalPorts.length === 0 ? [] : [{ to: addresses.outside, ports: tcp(...externalPorts) }]),
  ];
  if (ingress.length + egress.length + more.length === 0) return undefined;
  return networkPolicy(kin.namespace, kin.name, kin.selector, ingress, [...egress, ...more]);
}

type PeersOf = (kin: Kin) => readonly Peer[];

function peersOf({ namespace, selector, members }: Kin, { ofNodes }: Addresses): readonly Peer[] {
  const hosts = members.flatMap((member) => member.addresses).filter((address) => ofNodes.has(address));
  return [podsOf(namespace, selector), ...[...new Set(hosts)].sort().map(hostOf)];
}

function ingressOf({ into }: KinWays, peers: PeersOf) {
  const byPort = Map.groupBy(into, ({ port }) => port);
  const rules = [...byPort].map(([port, ways]) => ({
    port,
    from: distinct(
      ways.flatMap((way) => [
        ...(way.isOpen ? [podsOf(way.from, {})] : []),
        ...way.callers.flatMap(peers).filter((peer) => !way.isOpen || 'ipBlock' in peer),
      ]),
    ),
  }));
  return joined(rules.map(({ port, from }) => ({ peers: from, ports: [port] }))).map(({ peers: from, ports }) => ({
    from,
    ports,
  }));
}

function egressOf({ outOf }: KinWays, peers: PeersOf): readonly EgressRule[] {
  const byPeer = new Map<string, { readonly peer: Peer; readonly ports: Set<number> }>();
  for (const { to, port } of outOf) {
    for (const peer of peers(to)) {
      const key = canonicalJson(peer);
      const known = byPeer.get(key) ?? { peer, ports: new Set() };
      known.ports.add(port);
      byPeer.set(key, known);
    }
  }
  const alike = Map.groupBy(byPeer.values(), ({ ports }) => [...ports].sort((left, right) => left - right).join());
  return [...alike].map(([ports, same]) => ({
    to: same.map(({ peer }) => peer),
    ports: tcp(...ports.split(',').map(Number)),
  }));
}

/** One rule for all ports that have the same peers, in the order of the first. */
function joined(rules: readonly { readonly peers: readonly Peer[]; readonly ports: readonly number[] }[]) {
  const alike = Map.groupBy(
    rules.filter(({ peers }) => peers.length > 0),
    ({ peers }) => canonicalJson(peers),
  );
  return [...alike.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : [{ peers: first.peers, ports: tcp(...same.flatMap(({ ports }) => ports)) }];
  });
}

function distinct(peers: readonly Peer[]): readonly Peer[] {
  return [...new Map(peers.map((peer) => [canonicalJson(peer), peer])).values()];
}

function bounded<Rules>(exact: Rules, coarse: () => Rules): Rules {
  return canonicalJson(exact).length <= rulesMax ? exact : coarse();
}
