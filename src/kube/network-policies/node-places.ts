/**
 * Where kubelets ask from. A NetworkPolicy knows no nodes, only addresses, so this is what can be known of them:
 *
 *   Node.status.addresses                   the node itself
 *   Node.spec.podCIDRs, first two addresses  its bridge and its tunnel, by the convention of the common networks
 *
 * Calico, Cilium and others let a node's own kubelet in whatever a policy says; a network that asks from elsewhere needs a
 * policy of its operator's for port 15021.
 */
import { BlockList, isIP } from 'node:net';
import { compareText } from '../../model/canonical-json.ts';
import { canonicalIp } from '../../model/ip-address.ts';
import { isRecord } from '../../model/prune.ts';

/** What is known of one node. */
export interface NodePlace {
  /** Canonical. */
  readonly addresses: readonly string[];
  /** Of the pods on it. */
  readonly podRanges: readonly string[];
}

/** Most blocks of one rule; beyond it neighbours share one, and more than the nodes are let ask how applications are. */
const blocksMax = 200;
/** Lengths of prefixes to try, until there are few enough. */
const prefixes = { 4: [32, 28, 24, 20, 16, 12, 8], 6: [128, 120, 112, 96, 64, 48, 32] } as const;

/** @param raw Node, as an API server lists it: what cannot be read is nowhere. */
export function readNodePlace(raw: Record<string, unknown>): NodePlace {
  const { status, spec } = raw;
  const listed = isRecord(status) && Array.isArray(status['addresses']) ? status['addresses'] : [];
  const texts = listed.flatMap((each) =>
    isRecord(each) && typeof each['address'] === 'string' ? [each['address']] : [],
  );
  const ranges = isRecord(spec) && Array.isArray(spec['podCIDRs']) ? spec['podCIDRs'] : [];
  return {
    addresses: [...new Set(texts.flatMap((text) => canonicalIp(text) ?? []))].sort(),
    podRanges: ranges.filter((range): range is string => typeof range === 'string' && isRange(range)).sort(),
  };
}

/** @returns ranges in CIDR notation, sorted, each once. */
export function kubeletRanges(nodes: readonly NodePlace[]): readonly string[] {
  const own = nodes.flatMap(({ addresses }) => addresses);
  const firsts = nodes.flatMap(({ podRanges }) => podRanges.map((range) => range.slice(0, range.indexOf('/'))));
  return ([4, 6] as const).flatMap((family) => {
    const ofFamily = (text: string) => isIP(text) === family;
    for (const prefix of prefixes[family]) {
      const pairs = firsts.filter(ofFamily).map((text) => masked(text, Math.min(prefix, family === 4 ? 31 : 127)));
      const ranges = new Set([...own.filter(ofFamily).map((text) => masked(text, prefix)), ...pairs]);
      if (ranges.size <= blocksMax) return [...ranges].sort(compareText);
    }
    return [family === 4 ? '0.0.0.0/0' : '::/0'];
  });
}

/** Ranges of one family, of nodes and pods, that lie outside of all `insides`, and yet are inside of the cluster. */
export function publicRanges(
  nodes: readonly NodePlace[],
  family: 4 | 6,
  insides: readonly string[],
): readonly string[] {
  // Of one family only: such a list takes an IPv4 address for the IPv6 one that holds it.
  const inside = new BlockList();
  for (const range of insides) inside.addSubnet(...subnetOf(range));
  const all = nodes.flatMap(({ addresses, podRanges }) => [
    ...addresses.map((text) => `${text}/${isIP(text) === 4 ? 32 : 128}`),
    ...podRanges.map((range) => masked(range.slice(0, range.indexOf('/')), Number(range.split('/')[1]))),
  ]);
  return [...new Set(all)]
    .filter((range) => {
      const [address, , name] = subnetOf(range);
      return name === `ipv${family}` && !inside.check(address, name);
    })
    .sort(compareText);
}

function isRange(text: string): boolean {
  const [address = '', prefix = '', more] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : 128;
  return more === undefined && isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}

function subnetOf(range: string): [string, number, 'ipv4' | 'ipv6'] {
  const [address = '', prefix = ''] = range.split('/');
  return [address, Number(prefix), isIP(address) === 4 ? 'ipv4' : 'ipv6'];
}

/** The range of that length around an address, as an API server wants it written: without bits beyond the prefix. */
function masked(address: string, prefix: number): string {
  const bits = isIP(address) === 4 ? 32 : 128;
  const kept = (numberOf(address) >> BigInt(bits - prefix)) << BigInt(bits - prefix);
  return `${textOf(kept, bits)}/${prefix}`;
}

function numberOf(address: string): bigint {
  if (isIP(address) === 4) return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const words = (text = '') => (text === '' ? [] : text.split(':'));
  const [first, last] = [words(head), words(tail)];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  return [...first, ...zeros, ...last].reduce((sum, word) => sum * 65_536n + BigInt(`0x${word}`), 0n);
}

function textOf(value: bigint, bits: number): string {
  const size = bits === 32 ? 8n : 16n;
  const parts = Array.from(
    { length: bits / Number(size) },
    (_, index) => (value >> (BigInt(bits) - size * BigInt(index + 1))) & ((1n << size) - 1n),
  );
  if (bits === 32) return parts.join('.');
  return new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]`).hostname.slice(1, -1);
}
