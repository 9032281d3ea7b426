/**
 * Exports a chain as JSON lines that verify with the public key alone; the store may be written meanwhile.
 *
 * What the filter leaves out goes along as a digest, so that the chain holds and nothing is told. What says that bodies
 * were pruned is never left out: without it they would look stolen.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { EventKind } from '../event.ts';
import { openReadOnly, originOf, partsOf } from '../sqlite/sqlite-source.io.ts';
import { type ChainRecord, digestOf } from './chain.ts';
import type { ChainOrigin } from './chain-check.ts';
import type { ChainPart } from './chain-part.ts';
import { type ExportHeader, exportFormat, headLine, recordLine } from './export-line.ts';
import { fingerprintOf, publicKeyOf } from './head.ts';
import { coverOf } from './prune-cover.ts';

export interface ExportFilter {
  readonly tenant?: string;
  readonly kinds?: readonly EventKind[];
  /** Epoch ms, inclusive. */
  readonly sinceMs?: number;
  /** Epoch ms, exclusive. */
  readonly untilMs?: number;
}

export interface Exported {
  readonly told: number;
  readonly withheld: number;
}

/** A chain to be copied: one moment of it. */
export interface ExportedChain {
  readonly origin: ChainOrigin & { readonly publicKeyPem: string };
  readonly parts: Iterable<ChainPart> | AsyncIterable<ChainPart>;
}

/** @throws where the file cannot be read, or the stream fails. The stream is left open. */
export async function exportTo(output: Writable, path: string, filter: ExportFilter = {}): Promise<Exported> {
  const database = openReadOnly(path);
  try {
    database.exec('BEGIN');
    const origin = originOf(database);
    return await exportChain(output, { origin, parts: partsOf(database, origin.replica, 0) }, filter);
  } finally {
    database.close();
  }
}

/** @throws where the chain cannot be read, or the stream fails. The stream is left open. */
export async function exportChain(
  output: Writable,
  { origin: { replica, base, publicKeyPem }, parts }: ExportedChain,
  filter: ExportFilter = {},
): Promise<Exported> {
  const keyFingerprint = fingerprintOf(publicKeyOf(publicKeyPem));
  const header: ExportHeader = { coffre: exportFormat, replica, keyFingerprint, ...(base && { base }) };
  await write(output, JSON.stringify(header));
  let [told, withheld] = [0, 0];
  for await (const part of parts) {
    if (part.kind === 'head') {
      await write(output, headLine(part.head));
      continue;
    }
    const record = isTold(part.record, filter) ? part.record : withhold(part.record);
    if (record.kind === 'withheld') withheld += 1;
    else told += 1;
    await write(output, recordLine(record));
  }
  return { told, withheld };
}

function isTold(
  record: ChainRecord,
  { tenant, kinds, sinceMs = -Infinity, untilMs = Infinity }: ExportFilter,
): boolean {
  if (record.kind === 'withheld') return false;
  const { meta } = record;
  if (record.kind === 'whole' && meta.kind === 'store' && coverOf(record.body) !== undefined) return true;
  return (
    (tenant === undefined || meta.tenant === tenant) &&
    (kinds === undefined || kinds.includes(meta.kind)) &&
    sinceMs <= meta.atMs &&
    meta.atMs < untilMs
  );
}

function withhold(record: ChainRecord): ChainRecord {
  if (record.kind === 'withheld') return record;
  const { position, link, meta, bodyDigest } = record;
  return { kind: 'withheld', position, link, digest: digestOf(meta, bodyDigest) };
}

async function write(output: Writable, line: string): Promise<void> {
  if (!output.write(`${line}\n`)) await once(output, 'drain');
}
