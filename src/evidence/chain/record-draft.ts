/**
 * An event on its way into the chain: its text, and what stays known of it when the text is gone.
 *
 * The text is canonical, keys sorted, so that the same event told twice is the same bytes.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from '../../model/canonical-json.ts';
import { type EvidenceEvent, retentionClassOf } from '../event.ts';
import type { DrillAbout } from '../store.ts';
import type { RecordMeta } from './chain.ts';

/** All of a record but what the writer gives it: epoch, nonce, position, link. */
export interface RecordDraft {
  readonly meta: Omit<RecordMeta, 'epoch'>;
  readonly body: string;
}

/** Longest id, in UTF-16 units. See EventCommon. */
const idLengthMax = 64;

/** Largest text of one record, in bytes: a drill's plan over thousands of proxies stays below it. */
export const bodyBytesMax = 8_388_608;

/** @returns what is wrong with the event, if it can be no record. */
export function draftOf(event: EvidenceEvent): RecordDraft | { readonly refused: string } {
  if (event.kind === 'drill') return { refused: 'a drill is recorded by its stream and sequence, not as a mere event' };
  return draft(event, '', 0);
}

/** The id follows from stream and sequence: the same record has the same id whoever tries it again. */
export function drillDraftOf(
  stream: string,
  sequence: number,
  body: string,
  { atMs, tenant }: DrillAbout,
): RecordDraft | { readonly refused: string } {
  const id = `drill-${hash('sha256', `${stream}\n${sequence}`).slice(0, 32)}`;
  return draft({ kind: 'drill', id, atMs, tenant, stream, sequence, body }, stream, sequence);
}

function draft(event: EvidenceEvent, stream: string, sequence: number): RecordDraft | { readonly refused: string } {
  const { id, kind, tenant } = event;
  if (id === '' || id.length > idLengthMax || !isPlain(id)) return { refused: `\`${kind}\`: its id is no id` };
  if (!isPlain(tenant) || !isPlain(stream)) return { refused: `\`${id}\`: tenant or stream is no name` };
  if (!Number.isSafeInteger(event.atMs)) return { refused: `\`${id}\`: its time is no whole number of milliseconds` };
  const body = canonicalJson(event);
  if (Buffer.byteLength(body) > bodyBytesMax) return { refused: `\`${id}\` is larger than ${bodyBytesMax} bytes` };
  return { meta: { id, kind, class: retentionClassOf(kind), atMs: event.atMs, tenant, stream, sequence }, body };
}

/** SQLite ends a text at NUL, and a lone surrogate has no bytes: neither may stand where the chain looks. */
function isPlain(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
