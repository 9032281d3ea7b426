/**
 * IP addresses in the one spelling that may be compared: `fd00:0::1` and `fd00::1` are the same neighbour.
 *
 * Refused: addresses that reach the caller itself, everybody or no one (unspecified, loopback, link-local, multicast),
 * and IPv4 dressed as IPv6, which the kernel would undress: none of them names a pod or a service.
 */

/** @returns the canonical spelling (RFC 5952), or `undefined` where the text names no neighbour. */
export function canonicalIp(text: string): string | undefined {
  return text.includes(':') ? canonicalIpv6(text) : canonicalIpv4(text);
}

/** @returns an IPv4 address of this very machine, `127.x.y.z`, or `undefined`. */
export function loopbackIp(text: string): string | undefined {
  const octets = text.split('.').map(Number);
  return octets.length === 4 && octets[0] === 127 && octets.every(isOctet) && octets.join('.') === text
    ? text
    : undefined;
}

function isOctet(octet: number): boolean {
  return Number.isInteger(octet) && octet >= 0 && octet <= 255;
}

function canonicalIpv4(text: string): string | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  const [first = 0, second = 0] = octets ?? [];
  if (octets?.join('.') !== text || octets.some((octet) => octet > 255)) return undefined;
  const reachesNobody = first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254);
  return reachesNobody ? undefined : text;
}

function canonicalIpv6(text: string): string | undefined {
  // The URL parser knows IPv6 and its canonical spelling; the character check keeps everything else of a URL out.
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const address = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  return /^(::$|::1$|::ffff:|fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:)/.test(address) ? undefined : address;
}
