/**
 * Whom a probe may ask: what the mesh names, and no one else. A drill is written by a tenant, and asking is done from
 * inside the control plane's network.
 *
 *   what the drill says ──▶ on the list of the mesh? ──▶ target ──▶ (its name, resolved) ──▶ an address that it may have?
 *
 * A name is believed for what it says, but not for what it resolves to: loopback, link-local and multicast addresses are
 * asked only where the mesh names them as addresses. Otherwise whoever holds the name's zone could aim at the machine.
 */
import { BlockList, isIP } from 'node:net';
import type { DrillRules } from '../../model/drill.ts';

type Targets = Pick<DrillRules, 'probeTargets' | 'prometheusUrl'>;

export type ProbeTarget =
  | { readonly kind: 'target'; readonly url: URL }
  /** `why` as in `ProbeReading`. */
  | { readonly kind: 'refused'; readonly why: string };

/** @param text of the drill: an absolute URL of http or https. */
export function httpTarget(text: string, { probeTargets, prometheusUrl }: Targets): ProbeTarget {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return refused(`\`${text}\` is no HTTP address`);
  if (url.username !== '' || url.password !== '') return refused('a probe carries no credentials in its address');
  const prometheus = prometheusUrl === undefined ? undefined : URL.parse(prometheusUrl)?.origin;
  const named = [...probeTargets].map((target) => URL.parse(target)?.origin).concat(prometheus);
  return named.includes(url.origin) ? { kind: 'target', url } : notNamed(url.origin);
}

/** @param address of the drill: `host:port`. The mesh says how it is spoken to: named with `https://` by TLS, else in plaintext. */
export function grpcTarget(address: string, { probeTargets }: Targets): ProbeTarget {
  const url = URL.parse(`http://${address}`);
  if (url === null || url.username !== '' || `${url.pathname}${url.search}${url.hash}` !== '/') {
    return refused(`\`${address}\` is no host and port`);
  }
  const tls = new URL(`https://${address}`);
  if (probeTargets.has(tls.origin)) return { kind: 'target', url: tls };
  const named = probeTargets.has(address.toLowerCase()) || probeTargets.has(url.origin);
  return named ? { kind: 'target', url } : notNamed(address);
}

/** `http:` or `https:`, host without brackets, and port. */
export function endpointOf({ protocol, hostname, port }: URL): { readonly host: string; readonly port: number } {
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}

/** @param address that a name was resolved to. */
export function mayResolveTo(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !neverByName.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

const neverByName = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  neverByName.addSubnet(net, prefix, 'ipv4');
}
for (const [net, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  neverByName.addSubnet(net, prefix, 'ipv6');
}

function refused(why: string): ProbeTarget {
  return { kind: 'refused', why };
}

function notNamed(target: string): ProbeTarget {
  return refused(`\`${target}\` is not among the probe targets of the mesh`);
}
