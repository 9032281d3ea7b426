/**
 * A pod's network namespace: loopback, one veth to the bridge, its addresses, a default route, and the interception rules.
 *
 * The default route leads to the bridge, which forwards nothing: it exists so that a connection to a service's virtual
 * address gets as far as iptables. The rules stand before the link comes up, so there is no open moment.
 * IPv6 has no link-local addresses (ruled out before a link is up: in one command the address would come first) and no
 * duplicate detection: addresses work at once, and no packet is sent unasked.
 */
import { spawnSync } from 'node:child_process';
import { isIP } from 'node:net';
import { interceptionRules, proxyMark } from '../envoy/redirect.ts';
import { labHost, podPrefixBits } from './addresses.ts';
import type { PodSpec } from './protocol.ts';

/** Longest run of one `ip` or `iptables-restore`, in ms. Each takes about 10 ms. */
const commandMs = 10_000;

const bridge = 'coffre0';

/** With an address of its own: by itself a bridge takes the lowest of its ports', and a new pod would move it away from all who know it. */
export function createBridge(): void {
  ip([
    'link set lo up',
    `link add ${bridge} ${hardwareAddress([labHost.ipv4])} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set ${bridge} addrgenmode none`,
    `link set ${bridge} up`,
    `addr add ${labHost.ipv4}/${podPrefixBits.ipv4} dev ${bridge}`,
    `addr add ${labHost.ipv6}/${podPrefixBits.ipv6} dev ${bridge} nodad`,
  ]);
}

/** @param netns also names the pod's end on the bridge: at most 15 bytes (IFNAMSIZ). */
export function createPodNetwork(netns: string, pod: PodSpec): void {
  ip([
    `netns add ${netns}`,
    `link add ${netns} type veth peer name eth0 ${hardwareAddress(pod.addresses)} netns ${netns}`,
    `link set ${netns} master ${bridge} addrgenmode none`,
    `link set ${netns} up`,
  ]);
  if (pod.intercepted) {
    for (const family of [4, 6] as const) {
      const restore = family === 4 ? 'iptables-restore' : 'ip6tables-restore';
      const rules = interceptionRules({
        family,
        sidecar: { kind: 'mark', mark: proxyMark },
        dnsResolvers: pod.dnsResolvers,
      });
      run(['nsenter', `--net=/run/netns/${netns}`, '--', restore], rules);
    }
  }
  ip(
    ['link set lo up', 'link set eth0 addrgenmode none', 'link set eth0 up', ...pod.addresses.flatMap(addressLines)],
    netns,
  );
}

export function removePodNetwork(netns: string): void {
  // The namespace outlives its name for as long as a socket holds it: cut the wire first.
  ip([`link del ${netns}`, `netns del ${netns}`]);
}

/** Made from the IPv4 address, so that neighbours need not forget the old one when a pod comes back under its address. */
function hardwareAddress(addresses: readonly string[]): string {
  const ipv4 = addresses.find((address) => isIP(address) === 4);
  if (ipv4 === undefined) return '';
  const bytes = ipv4.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `address 02:00:${bytes.join(':')}`;
}

function addressLines(address: string): readonly string[] {
  switch (isIP(address)) {
    case 4:
      return [`addr add ${address}/${podPrefixBits.ipv4} dev eth0`, `route replace default via ${labHost.ipv4}`];
    case 6:
      return [`addr add ${address}/${podPrefixBits.ipv6} dev eth0 nodad`, `route replace ::/0 via ${labHost.ipv6}`];
    default:
      throw new Error(`\`${address}\` is no IP address; give pods addresses in 10.99.0.0/16 and fd99::/64`);
  }
}

function ip(lines: readonly string[], netns?: string): void {
  run(['ip', ...(netns === undefined ? [] : ['-n', netns]), '-batch', '-'], `${lines.join('\n')}\n`);
}

function run(argv: readonly string[], input: string): void {
  const [command = '', ...rest] = argv;
  const done = spawnSync(command, rest, { input, timeout: commandMs, encoding: 'utf8' });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`\`${argv.join(' ')}\` failed: ${done.stderr.trim()}\ninput was:\n${input}`);
}
