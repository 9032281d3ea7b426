/**
 * The lab's address plan: one bridge, every pod on it, and the virtual ranges that only exist to be redirected.
 *
 *   bridge 10.99.0.1, fd99::1  ── pods 10.99.0.0/16, fd99::/64      services 10.96.0.0/12, fd96::/64: reached by no one
 *
 * Every lab uses the same addresses: each has a network of its own, so two of them never meet.
 */

/** Where control plane processes bind inside the lab. */
export const labHost = { ipv4: '10.99.0.1', ipv6: 'fd99::1' } as const;

/** Prefix lengths of the pod network, in bits. */
export const podPrefixBits = { ipv4: 16, ipv6: 64 } as const;

/**
 * Ports of `labHost.ipv4` that captures dial to know that they have seen everything before; see `capture.ts`.
 * Nothing listens there.
 */
export const fencePorts = { first: 60_000, last: 65_535 } as const;
