/**
 * What of one answer of the store goes to a sink, and what of it is missing.
 *
 *   answer ──▶ own replica, wanted classes ──▶ records, up to a batch's bytes ──▶ `to`: how far that reaches
 *
 * Positions have no gaps, so what is not in an answer that reaches over it was pruned before it was told.
 */
import { type RetentionClass, retentionClassOf } from '../evidence/event.ts';
import type { Cursor, StoredEvent } from '../evidence/store.ts';
import type { SinkCursor } from './cursor-file.io.ts';
import { ocsfOf } from './ocsf.ts';
import type { OcsfRecord } from './ocsf-record.ts';
import { oneLine } from './one-line.ts';
import type { SinkRecord } from './sink.ts';
import type { Telling } from './telling.ts';

/** Bytes of a batch at which no more is added to it: what a sink holds in memory. */
export const batchBytesMax = 1_048_576;

export interface Wanted extends Telling {
  /** Absent: all. */
  readonly classes?: readonly RetentionClass[];
}

export interface Batch {
  readonly records: readonly PlacedRecord[];
  /** Position up to which everything was looked at. */
  readonly to: number;
  /** Events that are not there any more; of any class, since what is gone does not say which it was. */
  readonly missing: number;
}

export interface PlacedRecord extends SinkRecord {
  readonly position: number;
}

/** @param answer oldest first. */
export function batchOf(
  answer: { readonly events: readonly StoredEvent[]; readonly cursor: Cursor },
  from: SinkCursor,
  wanted: Wanted,
): Batch {
  const own = answer.events.filter(({ replica, position }) => replica === from.replica && position > from.position);
  const records: PlacedRecord[] = [];
  let bytes = 0;
  let looked = 0;
  for (const stored of own) {
    if (bytes >= batchBytesMax) break;
    looked += 1;
    if (!isWanted(stored, wanted)) continue;
    const record = { ...recordOf(ocsfOf(stored, wanted)), position: stored.position };
    records.push(record);
    bytes += record.line.length;
  }
  const reached = looked < own.length ? own[looked - 1]?.position : answer.cursor[from.replica];
  const to = Math.max(reached ?? from.position, from.position);
  return { records, to, missing: missingIn(own.slice(0, looked), from, to) };
}

export function recordOf(ocsf: OcsfRecord): SinkRecord {
  const { uid, event_code: code, tenant_uid: tenant } = ocsf.metadata;
  return {
    line: oneLine(ocsf),
    id: String(uid),
    code: String(code),
    tenant: String(tenant),
    severity: ocsf.severity_id,
    atMs: ocsf.time,
  };
}

function isWanted({ event }: StoredEvent, { classes }: Wanted): boolean {
  return classes === undefined || classes.includes(retentionClassOf(event.kind));
}

function missingIn(seen: readonly StoredEvent[], { position, since }: SinkCursor, to: number): number {
  const begin = Math.max(position, since);
  const there = seen.filter((stored) => stored.position > begin).length;
  return Math.max(to - begin - there, 0);
}
