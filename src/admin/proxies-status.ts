/**
 * What each proxy was sent, accepted and refused, and for how long that has been so: a pure function of the streams.
 *
 * An ACK says that a proxy took something. What it holds is another question: `proxies-diff.ts`.
 */
import type { Workload } from '../model/snapshot.ts';
import type { ClientStatus, TypeStatus } from '../xds/client-status.ts';
import { sinceMs } from '../xds/csds-config.ts';
import { typeNameOf } from './proxies-type-name.ts';

export interface ProxySync {
  readonly workload: string;
  /** Absent where no stream is open. */
  readonly connected?: {
    readonly address: string;
    readonly protocol: ClientStatus['protocol'];
    readonly seconds: number;
  };
  /** Sorted by type; empty where no stream is open. */
  readonly types: readonly TypeSync[];
}

export interface TypeSync {
  readonly type: string;
  readonly state: TypeStatus['state'];
  readonly sentVersion: string;
  readonly ackedVersion: string;
  /** How long it has been so; absent where nothing was sent. */
  readonly seconds?: number;
  /** The refusal in force: what Envoy said, and of which version. */
  readonly nack?: { readonly message: string; readonly version: string };
}

/** @param nowMs epoch ms. */
export function proxySync({ key }: Workload, clients: readonly ClientStatus[], nowMs: number): ProxySync {
  // A proxy that reconnects has two streams for a moment: the younger one speaks for it.
  const client = clients.findLast((each) => each.key === key);
  if (client === undefined) return { workload: key, types: [] };
  const { address, protocol, openedAtMs, types } = client;
  return {
    workload: key,
    connected: { address, protocol, seconds: secondsSince(openedAtMs, nowMs) },
    types: types.map((type) => typeSync(type, nowMs)).sort((left, right) => (left.type < right.type ? -1 : 1)),
  };
}

function typeSync(type: TypeStatus, nowMs: number): TypeSync {
  const { typeUrl, state, sentVersion, ackedVersion, nack } = type;
  const since = sinceMs(type);
  return {
    type: typeNameOf(typeUrl),
    ...{ state, sentVersion, ackedVersion },
    ...(since === undefined ? {} : { seconds: secondsSince(since, nowMs) }),
    ...(nack === undefined ? {} : { nack: { message: nack.message.trimEnd(), version: nack.version } }),
  };
}

function secondsSince(ms: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - ms) / 1_000));
}
