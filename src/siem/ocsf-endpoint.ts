/** The two ends of a connection as OCSF's network endpoints, and as observables that an analyst searches by. */
import { isIP } from 'node:net';
import type { Peer, Target } from '../evidence/event.ts';
import type { Json, JsonObject } from './ocsf-record.ts';
import { cutText } from './telling.ts';

/** `type_id` of an observable. Source: ocsf-schema v1.4.0, dictionary, types. */
const observableType = { hostname: 1, ip: 2, resource: 10 } as const;

/** `owner.type_id` of a service account. */
const systemUser = 3;

/** @returns undefined where nothing is known of the peer. What was only claimed is not part of it. */
export function sourceEndpoint({ identity, address, workload }: Peer): JsonObject | undefined {
  const owner = identity === undefined ? undefined : { uid: cutText(identity), type_id: systemUser };
  const name = workload ?? identity;
  if (name === undefined && address === undefined) return undefined;
  return { name: name === undefined ? undefined : cutText(name), ...splitAddress(address), owner };
}

export function destinationEndpoint({ address, workload, port, cluster }: Target): JsonObject | undefined {
  const name = workload ?? cluster;
  if (name === undefined && address === undefined) return undefined;
  const dialled = splitAddress(address);
  return { name: name === undefined ? undefined : cutText(name), ...dialled, port: port ?? dialled['port'] };
}

/** Only what was proved or seen: never a claimed identity, nor a host name that a caller made up. */
export function observablesOf(from: Peer, to: Target): Json[] {
  const seen = (name: string, type: keyof typeof observableType, value: Json | undefined): Json[] =>
    typeof value === 'string' ? [{ name, type_id: observableType[type], value }] : [];
  return [
    ...seen('src_endpoint.owner.uid', 'resource', from.identity === undefined ? undefined : cutText(from.identity)),
    ...seen('src_endpoint.ip', 'ip', splitAddress(from.address)['ip']),
    ...seen('dst_endpoint.ip', 'ip', splitAddress(to.address)['ip']),
  ];
}

/** @param address such as `10.0.0.7:8080` or `[fd00::7]:8080`; what is none, such as a socket's path, is a name. */
function splitAddress(address: string | undefined): JsonObject {
  if (address === undefined) return {};
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address) ?? [];
  const ip = bracketed ?? plain;
  if (ip === undefined || isIP(ip) === 0) return isIP(address) === 0 ? { uid: cutText(address) } : { ip: address };
  return { ip, port: Number(port) };
}
