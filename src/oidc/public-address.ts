/**
 * Which addresses a provider may have: those of the public internet, and of ours only what the owner of the network named.
 *
 * A tenant writes the issuer, so an address is a wish of the tenant's: without this list it could have us knock at the
 * cloud's metadata service, at a neighbour's database or at ourselves, and read from the errors what is there.
 * Source: IANA special-purpose address registries for IPv4 and IPv6; Azure's 168.63.129.16 is public by number only.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const refusedIpv4 = blockList('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]);

/** Global unicast; all else (unique local, link-local, mapped and translated IPv4, multicast) is refused by its absence. */
const globalIpv6 = blockList('ipv6', [['2000::', 3]]);

/** Inside global unicast: protocol assignments with Teredo, documentation, and 6to4, which wraps any IPv4 address. */
const refusedIpv6 = blockList('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]);

function blockList(family: 'ipv4' | 'ipv6', ranges: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, family);
  return list;
}

/** @param address as a resolver or a URL gives it; what is no address is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refusedIpv4.check(address, 'ipv4');
  return isIPv6(address) && globalIpv6.check(address, 'ipv6') && !refusedIpv6.check(address, 'ipv6');
}

/** @param within ranges in CIDR notation that are not public and may be dialled. @returns whether an address may. */
export function addressGuard(within: readonly string[]): (address: string) => boolean {
  const named = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of within) {
    const [network = '', prefix = ''] = range.split('/');
    const family = isIPv4(network) ? 'ipv4' : 'ipv6';
    named[family].addSubnet(network, Number(prefix), family);
  }
  return (address) => {
    if (isPublicAddress(address)) return true;
    // One list for each family: a list of IPv4 ranges would find IPv4 dressed as IPv6 as well.
    return isIPv4(address) ? named.ipv4.check(address, 'ipv4') : isIPv6(address) && named.ipv6.check(address, 'ipv6');
  };
}
