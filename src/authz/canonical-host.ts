/**
 * One spelling for one host: `API.Example.com.:8080` and `api.example.com` are the same to a rule.
 * @param authority the `Host` or `:authority` header: hostile.
 * @returns undefined where it is no host at all (user information, spaces, bytes beyond ASCII, an empty name).
 */
export function canonicalHost(authority: string): string | undefined {
  if (authority.length > authorityLengthMax) return undefined;
  const [, host] = authorityPattern.exec(authority) ?? [];
  return host?.toLowerCase().replace(/\.$/, '');
}

/** A name, an IPv4 address, or an IPv6 address in brackets; then perhaps a port. Underscores occur in container names. */
const authorityPattern = /^([\w-]+(?:\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

/** Longest name of the DNS with its last dot, and a port, in characters. Source: RFC 1035, section 2.3.4. */
const authorityLengthMax = 254 + 6;
