/** What one stream of one client was sent and accepted, by type: what an operator asks first. */
import type { StreamState } from './order.ts';
import type { Nack, TypeState } from './type-state.ts';
import type { StreamRef } from './xds-event.ts';

export interface ClientStatus extends StreamRef {
  readonly nodeId: string;
  readonly address: string;
  /** Epoch ms. */
  readonly openedAtMs: number;
  readonly types: readonly TypeStatus[];
}

export interface TypeStatus {
  readonly typeUrl: string;
  readonly wildcard: boolean;
  /** Subscribed by name. */
  readonly names: number;
  readonly sentVersion: string;
  readonly ackedVersion: string;
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
      sentVersion: type.sentVersion,
      ackedVersion: type.ackedVersion,
      ...(type.nack === undefined ? {} : { nack: type.nack }),
      state: stateOf(type, newest.types.get(typeUrl) === type.settledOn),
    }));
}

function stateOf(type: TypeState, upToDate: boolean): TypeStatus['state'] {
  if (type.nack !== undefined) return 'NACKED';
  if (type.outstanding !== undefined || !upToDate) return 'STALE';
  return type.sentVersion === '' && type.held.size === 0 ? 'NOT_SENT' : 'SYNCED';
}
