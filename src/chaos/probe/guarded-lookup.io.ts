/** Names to addresses, for connections to probe targets: an address that no name may have is as good as none. */
import { type LookupAddress, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { mayResolveTo } from './probe-target.ts';

const resolve = promisify(lookup);

/** @returns the addresses of a name, or the address that it is. @throws where it has none that it may have. */
export async function addressesOf(host: string): Promise<readonly LookupAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  const allowed = (await resolve(host, { all: true })).filter(({ address }) => mayResolveTo(address));
  if (allowed.length === 0) throw new Error(`\`${host}\` resolves to no address that a probe may ask`);
  return allowed;
}
