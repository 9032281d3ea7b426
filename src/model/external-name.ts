/**
 * Names that are no name of a service outside: they would lead an application back into the mesh, the pod or the host.
 *
 * A name that looks innocent and resolves to such a place is another matter, and stopped where packets are sent.
 */

/** Domains that are answered locally. Source: RFC 6761, 6762, 8375 and Kubernetes' cluster domain. */
const localDomains = ['svc', 'cluster.local', 'local', 'localhost', 'internal', 'home.arpa'] as const;

/** @param name lower case, as the schema has it. @returns why it is refused, or `undefined`. */
export function refusalOfExternalName(name: string): string | undefined {
  // A URL host whose last label is a number is an IPv4 address, in whatever spelling. Source: WHATWG URL, "ends in a number".
  const lastLabel = name.slice(name.lastIndexOf('.') + 1);
  if (/^(\d+|0x[0-9a-f]*)$/.test(lastLabel)) return 'is an IP address, for which no certificate can be asked by name';
  const domain = localDomains.find((local) => name === local || name.endsWith(`.${local}`));
  if (domain !== undefined) return `ends in \`${domain}\`, which is answered inside`;
  return name.includes('.') ? undefined : 'has one label, which a resolver completes with a domain of its own';
}
