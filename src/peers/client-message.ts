/**
 * What one stream of one proxy was sent and accepted, from one replica to another.
 *
 * Which names it asked for stays where the stream is: their number travels, and `asked` is empty on the other side.
 */
import { create } from '@bufbuild/protobuf';
import {
  type Client,
  ClientSchema,
  type ClientType,
  ClientTypeSchema,
  ClientType_State as State,
} from '#gen/coffre/peers/v1/peers_pb.js';
import type { ClientStatus, TypeStatus } from '../xds/client-status.ts';

const states = {
  SYNCED: State.SYNCED,
  STALE: State.STALE,
  NACKED: State.NACKED,
  NOT_SENT: State.NOT_SENT,
} as const;

export function clientMessage(status: ClientStatus): Client {
  const { stream, key, protocol, takesTtl, nodeId, address, openedAtMs, types } = status;
  return create(ClientSchema, {
    ...{ stream, key, takesTtl, nodeId, address, openedAtMs },
    isDelta: protocol === 'delta',
    types: types.map(({ asked: _asked, state, nack, ...type }) =>
      create(ClientTypeSchema, { ...type, state: states[state], ...(nack === undefined ? {} : { nack: { ...nack } }) }),
    ),
  });
}

export function clientOf({ isDelta, types, ...client }: Client): ClientStatus {
  const { stream, key, takesTtl, nodeId, address, openedAtMs } = client;
  return {
    ...{ stream, key, takesTtl, nodeId, address, openedAtMs },
    protocol: isDelta ? 'delta' : 'sotw',
    types: types.map(typeOf),
  };
}

const nobody: ReadonlySet<string> = new Set();

function typeOf(type: ClientType): TypeStatus {
  const { typeUrl, wildcard, names, sentVersion, ackedVersion, sentAtMs, ackedAtMs, nackedAtMs, nack, state } = type;
  return {
    ...{ typeUrl, wildcard, names, sentVersion, ackedVersion, asked: nobody, state: stateOf(state) },
    ...(sentAtMs === undefined ? {} : { sentAtMs }),
    ...(ackedAtMs === undefined ? {} : { ackedAtMs }),
    ...(nackedAtMs === undefined ? {} : { nackedAtMs }),
    ...(nack === undefined
      ? {}
      : { nack: { nonce: nack.nonce, version: nack.version, code: nack.code, message: nack.message } }),
  };
}

/** Of a state that this version does not know it is sure only that it is not settled. */
function stateOf(state: State): TypeStatus['state'] {
  const known = (Object.keys(states) as TypeStatus['state'][]).find((name) => states[name] === state);
  return known ?? 'STALE';
}
