/**
 * Where an application dials under explicit capture: an address of its own for each destination, on its own loopback.
 *
 *   (workload, destination) ──hash──▶ an address of the mesh's range      nobody else's coming or going moves it
 *
 * A destination is named `namespace/service`; `pod/namespace/pod` where a headless service is dialled pod by pod; and
 * `external/name` outside the mesh. Always loopback: such an address speaks with the workload's identity for whoever
 * reaches it, so no other machine may.
 */
import { contentHash } from './canonical-json.ts';
import { loopbackIp } from './ip-address.ts';

/** A quarter of loopback, far from what is in use there: 127.128.0.0 to 127.191.255.255. */
export const explicitRangeDefault = '127.128.0.0/10';

export function podDestination(workload: string): string {
  return `pod/${workload}`;
}

export function externalDestination(name: string): string {
  return `external/${name}`;
}

/** @param range valid, see `isLoopbackRange`; its first and last address are given to nobody. */
export function explicitAddress(range: string, workload: string, destination: string): string {
  const { first, size } = parseRange(range);
  const digits = contentHash(`${workload} ${destination}`).slice(0, 12);
  const address = first + 1 + (Number.parseInt(digits, 16) % (size - 2));
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Whether the text is `127.a.b.c/bits`, and the address is where that range begins. */
export function isLoopbackRange(range: string): boolean {
  const [address = ''] = range.split('/');
  if (loopbackIp(address) === undefined) return false;
  const { first, size } = parseRange(range);
  return first % size === 0;
}

function parseRange(range: string): { readonly first: number; readonly size: number } {
  const [address = '', bits = ''] = range.split('/');
  const first = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { first, size: 2 ** (32 - Number(bits)) };
}
