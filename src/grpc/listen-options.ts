/** Where a server of ours listens, as it is written: `host:port`, `[IPv6]:port` or `unix:/path`. */
import type { ListenOptions } from 'node:net';

const hostAndPort = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:]+)):(?<port>\d{1,5})$/;
const portMax = 65_535;

/** @returns undefined where it is none of them. */
export function listenOptionsOf(address: string): ListenOptions | undefined {
  if (address.startsWith(unixScheme)) return { path: unixPathOf(address) };
  const { v6, host, port } = hostAndPort.exec(address)?.groups ?? {};
  return port === undefined || Number(port) > portMax ? undefined : { host: v6 ?? host, port: Number(port) };
}

export const unixScheme = 'unix:';

/** Of `unix:/path`, and of `unix:///path`, as gRPC's own names have it. */
export function unixPathOf(address: string): string {
  return address.slice(unixScheme.length).replace(/^\/\/\//, '/');
}
