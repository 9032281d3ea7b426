/** Records as sinks get them. */
import { recordOf } from '../../src/siem/batch.ts';
import { ocsfOf } from '../../src/siem/ocsf.ts';
import type { SinkRecord } from '../../src/siem/sink.ts';
import { numbered } from './sample-events.ts';

export const forever = new AbortController().signal;

export function record(position: number): SinkRecord {
  return recordOf(ocsfOf(numbered(position), { paths: 'shape' }));
}

export function recordsTo(count: number): SinkRecord[] {
  return Array.from({ length: count }, (_, index) => record(index + 1));
}

/** Id in a line of JSON; fails where it is none. */
export function idIn(line: string): string {
  const read: { readonly metadata?: { readonly uid?: string } } = JSON.parse(line);
  return read.metadata?.uid ?? '';
}
