/**
 * What the client status service says of one client: one entry for each type that it asked for.
 *
 *   ClientStatus ──clientConfigOf──▶ ClientConfig { node, generic_xds_configs: SYNCED | STALE | ERROR | NOT_SENT }
 *
 * `last_updated` is when the client last accepted, refused or was sent something of the type, whichever its status speaks
 * of: so its age is how long the status has lasted. Contents are not told: they are what a client may see, not an asker.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Timestamp, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ClientResourceStatus } from '#gen/envoy/admin/v3/config_dump_shared_pb.js';
import {
  type ClientConfig,
  type ClientConfig_GenericXdsConfigSchema,
  ClientConfigSchema,
  ConfigStatus,
} from '#gen/envoy/service/status/v3/csds_pb.js';
import type { ClientStatus, TypeStatus } from './client-status.ts';

const statuses = {
  SYNCED: { configStatus: ConfigStatus.SYNCED, clientStatus: ClientResourceStatus.ACKED },
  STALE: { configStatus: ConfigStatus.STALE, clientStatus: ClientResourceStatus.REQUESTED },
  NACKED: { configStatus: ConfigStatus.ERROR, clientStatus: ClientResourceStatus.NACKED },
  NOT_SENT: { configStatus: ConfigStatus.NOT_SENT, clientStatus: ClientResourceStatus.REQUESTED },
} as const;

/** A client that reconnects has two streams for a moment: the younger one speaks for it. */
export function newestOfEach(clients: readonly ClientStatus[]): readonly ClientStatus[] {
  return [...new Map(clients.map((client) => [client.key, client])).values()];
}

export function clientConfigOf({ nodeId, types }: ClientStatus): ClientConfig {
  const sorted = [...types].sort((left, right) => (left.typeUrl < right.typeUrl ? -1 : 1));
  return create(ClientConfigSchema, { node: { id: nodeId }, genericXdsConfigs: sorted.map(typeConfigOf) });
}

function typeConfigOf(type: TypeStatus): MessageInitShape<typeof ClientConfig_GenericXdsConfigSchema> {
  const { typeUrl, state, ackedVersion, nack, nackedAtMs } = type;
  return {
    typeUrl,
    versionInfo: ackedVersion,
    ...statuses[state],
    ...timed('lastUpdated', sinceMs(type)),
    ...(nack === undefined
      ? {}
      : {
          errorState: {
            details: nack.message,
            versionInfo: nack.version,
            ...timed('lastUpdateAttempt', nackedAtMs),
          },
        }),
  };
}

/** Epoch ms since when the state of a type is what it is; undefined where nothing has happened yet. */
export function sinceMs({ state, sentAtMs, ackedAtMs, nackedAtMs }: TypeStatus): number | undefined {
  switch (state) {
    case 'SYNCED':
      return ackedAtMs;
    case 'NACKED':
      return nackedAtMs;
    case 'STALE':
      return sentAtMs;
    case 'NOT_SENT':
      return undefined;
  }
}

function timed<Name extends string>(name: Name, ms: number | undefined): { readonly [N in Name]?: Timestamp } {
  return ms === undefined ? {} : ({ [name]: timestampFromMs(ms) } as { readonly [N in Name]: Timestamp });
}
