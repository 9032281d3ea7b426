/**
 * Transparent interception: the iptables-restore text that leaves a pod no way out, or in, but its sidecar.
 *
 *   application ──connect──▶ nat OUTPUT ──▶ sidecar:15001 ──marked──▶ wire
 *   wire ──▶ nat PREROUTING ──▶ sidecar:15006 ──127.0.0.1──▶ application
 *
 * Every chain of the filter table drops what is not named: without a sidecar the pod is mute, not open.
 * The surprises:
 * - a redirected packet still carries its first interface in filter OUTPUT, so it is accepted there by its DNAT state;
 * - an unprivileged application may bind its socket to a device, and then the redirected SYN, data and all, goes out
 *   on that wire addressed to 127.0.0.1 (seen on Linux 6.18): mangle POSTROUTING, which sees the true one, drops it;
 * - a sidecar that dials its own pod's address would skip its own inbound wall over `lo`: it is sent to 15006 instead.
 * The text belongs to one family; the caller hands it to iptables-restore (4) or ip6tables-restore (6).
 */
import { isIP } from 'node:net';
import {
  healthPort,
  inboundCapturePort,
  inspectionPort,
  outboundCapturePort,
  reservedPorts,
  statisticsPort,
} from '../model/ports.ts';

/** SO_MARK of every socket the sidecar dials with. An application cannot set it: that takes CAP_NET_ADMIN. */
export const proxyMark = 0xc0f;

/** Added to the mark on connections that leave the mesh: they may reach public addresses only, whatever a resolver says. */
export const outsideMarkBit = 0x1000;

export interface InterceptionOptions {
  readonly family: 4 | 6;
  readonly sidecar: SidecarSockets;
  /** Addresses that the pod may ask on port 53 (UDP and TCP); those of the other family, and what is no address, are left out. */
  readonly dnsResolvers: readonly string[];
}

/** By what the sidecar's own packets are told from the application's, so that they pass. */
export type SidecarSockets =
  | { readonly kind: 'mark'; readonly mark: number }
  /** As in a cluster, where the sidecar has no privilege: the pod must keep its application from that user. There the kubelet asks at the health port, too. */
  | { readonly kind: 'user'; readonly user: number };

export function interceptionRules(options: InterceptionOptions): string {
  const family = options.family === 4 ? ipv4 : ipv6;
  const resolvers = options.dnsResolvers.filter((address) => isIP(address) === options.family);
  const { sidecar, notSidecar, outside, ownerless } = matchesOf(options.sidecar);
  const doors = options.sidecar.kind === 'user' ? [...scrapedDoors, healthPort] : scrapedDoors;
  const lines = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    "# whatever arrives meets the inbound listener, but for who asks at one of the sidecar's doors: TLS there judges who it is",
    ...doors.map((port) => `-A PREROUTING ! -i lo -p tcp --dport ${port} -j RETURN`),
    `-A PREROUTING ! -i lo -p tcp -j REDIRECT --to-ports ${inboundCapturePort}`,
    ...resolvers.map((address) => `-A OUTPUT -p tcp -d ${address} --dport 53 -j RETURN`),
    "# the sidecar dialling its own pod's address meets its inbound listener too",
    `-A OUTPUT -o lo -p tcp ${sidecar} ! -d ${family.loopbackRange} -j REDIRECT --to-ports ${inboundCapturePort}`,
    `-A OUTPUT -p tcp ${sidecar} -j RETURN`,
    `-A OUTPUT -p tcp -d ${family.loopbackRange} -j RETURN`,
    '# whatever the application dials meets the outbound listener',
    `-A OUTPUT -p tcp -j REDIRECT --to-ports ${outboundCapturePort}`,
    'COMMIT',
    '*mangle',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    '# redirected, yet bound to a device: never onto a wire',
    `-A POSTROUTING ! -o lo -d ${family.loopbackRange} -j DROP`,
    'COMMIT',
    '*filter',
    ':INPUT DROP [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT DROP [0:0]',
    '-A INPUT -i lo -j ACCEPT',
    '# the doors',
    ...doors.map(
      (port) => `-A INPUT -p tcp --dport ${port} -m conntrack --ctorigdstport ${port} --ctdir ORIGINAL -j ACCEPT`,
    ),
    "# the sidecar's own other ports are not for strangers; judged by the port that was dialled, before any redirection",
    `-A INPUT -p tcp ${dialledReserved} -j DROP`,
    `-A INPUT -p tcp --dport ${inboundCapturePort} -m conntrack --ctstate DNAT --ctdir ORIGINAL -j ACCEPT`,
    '-A INPUT -p tcp -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT',
    ...resolvers.map(
      (address) =>
        `-A INPUT -p udp -s ${address} --sport 53 -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT`,
    ),
    ...family.icmpTypes.map((type) => `-A INPUT -p ${family.icmp} ${type} -j ACCEPT`),
    `-A INPUT -p ${family.icmp} -m conntrack --ctstate RELATED -j ACCEPT`,
    '# a name outside that resolves to an inside: before loopback is accepted, which is inside too',
    ...outside.flatMap((match) => family.insides.map((range) => `-A OUTPUT -p tcp ${match} -d ${range} -j DROP`)),
    '# nor for the application, which could otherwise enter the inbound listener from behind',
    `-A OUTPUT -p tcp ${notSidecar} ${dialledReserved} -j DROP`,
    '# at a door nobody answers but the sidecar, or an application that took the port would be open to all',
    ...doors.map((port) => `-A OUTPUT -p tcp ${notSidecar} -m conntrack --ctorigdstport ${port} --ctdir REPLY -j DROP`),
    '-A OUTPUT -o lo -j ACCEPT',
    `-A OUTPUT -p tcp -d ${family.redirectTarget} --dport ${outboundCapturePort} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-A OUTPUT -p tcp ${sidecar} -j ACCEPT`,
    ...ownerless,
    '# answers on connections that came in through the inbound listener',
    '-A OUTPUT -p tcp -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT',
    ...resolvers.flatMap((address) =>
      ['udp', 'tcp'].map((protocol) => `-A OUTPUT -p ${protocol} -d ${address} --dport 53 -j ACCEPT`),
    ),
    ...family.icmpTypes.map((type) => `-A OUTPUT -p ${family.icmp} ${type} -j ACCEPT`),
    `-A OUTPUT -p ${family.icmp} -m conntrack --ctstate RELATED -j ACCEPT`,
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

/** The sidecar's own ports that others may ask at, wherever it runs. */
const scrapedDoors = [inspectionPort, statisticsPort] as const;

interface SidecarMatches {
  readonly sidecar: string;
  readonly notSidecar: string;
  /** The sidecar's connections that leave the mesh; by user alone they cannot be told apart, and the network's policy must. */
  readonly outside: readonly string[];
  /** Rules for packets that have no user. */
  readonly ownerless: readonly string[];
}

function matchesOf(sockets: SidecarSockets): SidecarMatches {
  if (sockets.kind === 'user') {
    return {
      sidecar: `-m owner --uid-owner ${sockets.user}`,
      notSidecar: `-m owner ! --uid-owner ${sockets.user}`,
      outside: [],
      ownerless: [
        '# what the kernel still says for a socket that was closed; a connection keeps the way that its first packet took',
        '-A OUTPUT -p tcp -m owner ! --socket-exists -m conntrack --ctstate ESTABLISHED -j ACCEPT',
      ],
    };
  }
  const mark = sockets.mark.toString(16);
  const either = ((0xffff_ffff & ~outsideMarkBit) >>> 0).toString(16);
  return {
    sidecar: `-m mark --mark 0x${mark}/0x${either}`,
    notSidecar: `-m mark ! --mark 0x${mark}/0x${either}`,
    outside: [`-m mark --mark 0x${(sockets.mark | outsideMarkBit).toString(16)}`],
    ownerless: [],
  };
}

/** Only the direction of the one who dialled: answers from a control plane on such a port must pass. */
const dialledReserved = `-m conntrack --ctorigdstport ${reservedPorts.first}:${reservedPorts.last} --ctdir ORIGINAL`;

/** Where no service outside the mesh can be: private, shared, local, reserved and multicast ranges. */
export const insideRanges = {
  // Source: IANA IPv4 special-purpose address registry; the documentation ranges are routed by nobody and left out.
  4: [
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.0.0.0/24',
    '192.168.0.0/16',
    '198.18.0.0/15',
    '224.0.0.0/3',
  ],
  // All but global unicast (2000::/3), and of that what carries an IPv4 address inside: Teredo and 6to4.
  6: ['::/3', '4000::/2', '8000::/1', '2001::/32', '2002::/16'],
} as const;

interface FamilyWords {
  readonly loopbackRange: string;
  /** Where REDIRECT sends a locally made connection. */
  readonly redirectTarget: string;
  /** Of `insideRanges`. */
  readonly insides: readonly string[];
  readonly icmp: string;
  /** What the link needs to work at all: neighbour discovery for IPv6, nothing for IPv4 (ARP passes below iptables). */
  readonly icmpTypes: readonly string[];
}

const ipv4: FamilyWords = {
  loopbackRange: '127.0.0.0/8',
  redirectTarget: '127.0.0.1/32',
  insides: insideRanges[4],
  icmp: 'icmp',
  icmpTypes: [],
};

const ipv6: FamilyWords = {
  loopbackRange: '::1/128',
  redirectTarget: '::1/128',
  insides: insideRanges[6],
  icmp: 'ipv6-icmp',
  icmpTypes: ['--icmpv6-type neighbour-solicitation', '--icmpv6-type neighbour-advertisement'],
};
