/**
 * The virtual address of an external service: where an application dials it, and what only its sidecar understands.
 *
 *   name ──hash──▶ 240.x.y.z      no packet ever carries it, and no Service or Pod can claim it (see `ip-address.ts`)
 *
 * The address is the name's own, in every tenant and on every port, whatever else is declared. Two names of one tenant
 * that meet on one address are the exception: the later in the alphabet moves on, and is told.
 */
import { compareText, contentHash } from './canonical-json.ts';

/** First octet of the range: class E, reserved, routed by nobody. Source: RFC 1112, section 4. */
const firstOctet = 240;

/** @param names of one tenant, without doubles. @returns by name; `moved` where another name had the address already. */
export function externalAddresses(
  names: readonly string[],
): ReadonlyMap<string, { readonly address: string; readonly moved: boolean }> {
  const addresses = new Map<string, { address: string; moved: boolean }>();
  const taken = new Set<string>();
  for (const name of [...names].sort(compareText)) {
    const own = addressOf(name, 0);
    let address = own;
    for (let attempt = 1; taken.has(address); attempt++) address = addressOf(name, attempt);
    taken.add(address);
    addresses.set(name, { address, moved: address !== own });
  }
  return addresses;
}

/** 24 bits of a hash. */
function addressOf(name: string, attempt: number): string {
  const digits = contentHash(attempt === 0 ? name : `${name} ${attempt}`);
  const octets = [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16));
  return [firstOctet, ...octets].join('.');
}
