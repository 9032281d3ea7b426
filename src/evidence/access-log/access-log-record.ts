/**
 * A message of Envoy's gRPC access log: bytes in, plain values or the reason they are none out.
 *
 *   bytes ──decodeAccessLog──▶ entries as they were logged ──edgeRecord──▶ how one edge fared, for a drill
 *
 * A drill has a use for how the edge fared, and for nothing that was said on it; what events are made of is the entry.
 */
import { type AccessLogEntry, formatAddress, httpEntry, tcpEntry } from './access-log-entry.ts';
import { timesIn, WireFields } from './wire-fields.ts';

export interface AccessLogRecord
  extends Pick<AccessLogEntry, 'protocol' | 'moment' | 'route' | 'status' | 'flags' | 'durationMs'> {
  /** `address:port`; empty where nobody was dialled. */
  readonly upstreamHost: string;
  /** That was chosen, empty where it did not come to that; behind a split route it says which share it was. Of TCP, the edge that was dialled. */
  readonly cluster: string;
}

export type DecodedEntries =
  | {
      readonly kind: 'ok';
      readonly entries: readonly AccessLogEntry[];
      /** Of this stream; said in its first message, and handed on with those after it. */
      readonly logName: string;
    }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'malformed' };

/** Largest message, in bytes. Envoy flushes at 16 KiB, or with the record that passes it, whose headers are 60 KiB at most. */
export const accessLogMessageBytesMax = 256 * 1_024;

/** Most entries of one message: ten times those that fit into Envoy's batch. Empty ones would be a hundred thousand. */
export const accessLogEntriesMax = 2_000;

/** Longest name of a log, in characters: that of an edge of a pod, as `drill-keys.ts` of the other side counts it. */
const logNameLengthMax = 512;

const message = { identifier: 1, httpEntries: 2, tcpEntries: 3 } as const;

/** @param logName that the stream gave itself before; empty at its first message. */
export function decodeAccessLog(bytes: Uint8Array, logName = ''): DecodedEntries {
  const count = countEntries(bytes);
  if (typeof count !== 'number') return { kind: count };
  try {
    const fields = new WireFields(bytes);
    const identifier = fields.message(message.identifier);
    const entries = [
      ...fields.message(message.httpEntries).messages(1).map(httpEntry),
      ...fields.message(message.tcpEntries).messages(1).map(tcpEntry),
    ];
    return {
      kind: 'ok',
      logName: fields.has(message.identifier) ? identifier.text(2, logNameLengthMax) : logName,
      entries,
    };
  } catch {
    return { kind: 'malformed' };
  }
}

/** How many entries a message has, none of them read; or why it is not going to be. */
export function countEntries(bytes: Uint8Array): number | 'too-large' | 'malformed' {
  if (bytes.length > accessLogMessageBytesMax) return 'too-large';
  try {
    const entries = entriesIn(new WireFields(bytes));
    return entries > accessLogEntriesMax ? 'too-large' : entries;
  } catch {
    return 'malformed';
  }
}

/** Counts no further than to one too many. */
function entriesIn(fields: WireFields): number {
  const lists = [message.httpEntries, message.tcpEntries].map((field) => fields.bytes(field));
  return lists.reduce((sum, list) => sum + timesIn(list, 1, accessLogEntriesMax + 1), 0);
}

/** @param logName of the stream: of TCP the name of the edge, as a connection that its breaker refused names no cluster. */
export function edgeRecord(entry: AccessLogEntry, logName: string): AccessLogRecord {
  const { protocol, moment, route, status, flags, durationMs } = entry;
  const cluster = protocol === 'tcp' ? logName : entry.cluster;
  return { protocol, moment, cluster, route, status, flags, durationMs, upstreamHost: formatAddress(entry.upstream) };
}
