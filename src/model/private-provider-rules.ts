/**
 * What may be said of a provider in a private network: private ranges, and none in which something else always answers.
 *
 * Loopback, link-local and a cloud's metadata service are no place for a provider: there a worker would knock at itself
 * or at the machine below it. Source: RFC 1918, RFC 4193, RFC 6598.
 */
import { BlockList, isIP, isIPv4 } from 'node:net';
import type { MeshObject } from './kinds/mesh.ts';
import { quote } from './quote.ts';
import type { Finding } from './sourced-object.ts';

type PrivateProvider = NonNullable<MeshObject['spec']['privateProviders']>[number];

interface Range {
  readonly network: string;
  readonly prefix: number;
}

export const privateRanges: readonly Range[] = [
  { network: '10.0.0.0', prefix: 8 },
  { network: '172.16.0.0', prefix: 12 },
  { network: '192.168.0.0', prefix: 16 },
  { network: '100.64.0.0', prefix: 10 },
  { network: 'fc00::', prefix: 7 },
];

/** Where clouds keep what a machine may know of itself, inside private ranges. Source: Alibaba Cloud, AWS (IPv6). */
export const metadataServices = ['100.100.100.200', 'fd00:ec2::254'];

export function privateProviderFindings(providers: readonly PrivateProvider[]): Finding[] {
  return providers.flatMap(({ addresses }, index) =>
    addresses.flatMap((range, at) => {
      const why = rangeObjection(range);
      if (why === undefined) return [];
      const path = `spec.privateProviders[${index}].addresses[${at}]`;
      const advice = 'write the range of the provider itself, as `10.20.0.0/24` or `10.20.0.7/32`';
      return [{ code: 'bad-value', severity: 'error', path, message: `${quote(range)} ${why}`, advice }];
    }),
  );
}

function rangeObjection(text: string): string | undefined {
  const [network = '', prefix = ''] = text.split('/');
  const range = { network, prefix: Number(prefix) };
  if (isIP(network) === 0 || range.prefix > (isIPv4(network) ? 32 : 128)) return 'is no range of addresses';
  if (!privateRanges.some((each) => range.prefix >= each.prefix && holds(each, network))) {
    return 'is not within a private range: public addresses need no leave, and others are no place for a provider';
  }
  return metadataServices.some((address) => holds(range, address))
    ? 'holds the address of a metadata service, where a machine keeps what it may know of itself'
    : undefined;
}

function holds({ network, prefix }: Range, address: string): boolean {
  const family = isIPv4(network) ? 'ipv4' : 'ipv6';
  if (isIPv4(address) !== isIPv4(network)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(address, family);
}
