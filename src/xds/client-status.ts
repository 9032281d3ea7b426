/** What one stream of one client was sent and accepted, by type: what an operator asks first. */
import type { StreamState } from './order.ts';
import type { Nack, TypeState } from './type-state.ts';
import type { StreamRef } from './xds-event.ts';

export interface ClientStatus extends StreamRef {
  readonly nodeId: string;
  readonly address: string;
  /** Epoch ms. */
  readonly openedAtMs: number;
  /** Whether resources with a TTL are shown to it: without, an overlay that has one is not. */
  readonly takesTtl: boolean;
  readonly types: readonly TypeStatus[];
}

export interface TypeStatus {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  /** Subscribed by name. */
  readonly names: number;
  /** Those names, shared with the stream: not to be kept. Beside a wildcard they say little. */
  readonly asked: ReadonlySet<string>;
  readonly sentVersion: string;
  readonly ackedVersion: string;
  /** When the newest response left, and when one was last accepted and refused, in epoch ms; absent if never on this stream. */
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  readonly nackedAtMs?: number;
  /** The refusal in force; a later ACK ends it. */
  readonly nack?: Nack;
  /** `STALE`: sent and not yet acknowledged, or newer content waits; `NOT_SENT`: nothing was sent and the client told of nothing it holds. */
  readonly state: 'SYNCED' | 'STALE' | 'NACKED' | 'NOT_SENT';
}

export function typeStatuses({ types, newest }: StreamState): readonly TypeStatus[] {
  return [...types]
    .filter(([, type]) => type.begun)
    .map(([typeUrl, type]) => ({
      typeUrl,
      wildcard: type.subscription.wildcard !== 'none',
      names: type.subscription.names.size,
      asked: type.subscription.names,
      sentVersion: type.sentVersion,
      ackedVersion: type.ackedVersion,
      ...timesOf(type),
      ...(type.nack === undefined ? {} : { nack: type.nack }),
      state: stateOf(type, newest.types.get(typeUrl) === type.settledOn),
    }));
}

function timesOf({ sentAtMs, ackedAtMs, nackedAtMs }: TypeState): Partial<TypeStatus> {
  return {
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
    ...(ackedAtMs === undefined ? {} : { ackedAtMs }),
    ...(nackedAtMs === undefined ? {} : { nackedAtMs }),
  };
}

function stateOf(type: TypeState, upToDate: boolean): TypeStatus['state'] {
  if (type.nack !== undefined) return 'NACKED';
  if (type.outstanding !== undefined || !upToDate) return 'STALE';
  return type.sentVersion === '' && type.held.size === 0 ? 'NOT_SENT' : 'SYNCED';
}
