/**
 * An export as JSON lines: a header, then records by position, each head right behind the record it signs.
 *
 *   {"coffre":"evidence-1", replica, keyFingerprint, base?, ...}
 *   {"position", "link", "id", "kind", ..., "bodyDigest", "nonce", "body"}     whole
 *   {"position", "link", "id", "kind", ..., "bodyDigest"}                      pruned
 *   {"position", "link", "withheld"}                                           another tenant's, or not asked for
 *   {"head", "hash", "atMs", "signature"}
 *
 * `body` is a text, not an object: its bytes are what was signed. Bytes are hexadecimal.
 */

import type { SignedHead } from '../store.ts';
import { type ChainRecord, digestBytes, nonceBytes, type RecordMeta } from './chain.ts';
import type { ChainOrigin } from './chain-check.ts';
import type { ChainPart } from './chain-part.ts';

export const exportFormat = 'evidence-1';

export interface ExportHeader extends ChainOrigin {
  readonly coffre: typeof exportFormat;
  /** Of the key that signs; see head.ts. For information, never for trust. */
  readonly keyFingerprint: string;
}

export function recordLine(record: ChainRecord): string {
  const common = { position: record.position, link: record.link.toString('hex') };
  if (record.kind === 'withheld') return JSON.stringify({ ...common, withheld: record.digest.toString('hex') });
  const known = { ...common, ...record.meta, bodyDigest: record.bodyDigest.toString('hex') };
  if (record.kind === 'pruned') return JSON.stringify(known);
  return JSON.stringify({ ...known, nonce: record.nonce.toString('hex'), body: record.body });
}

export function headLine({ position, hash, atMs, signature }: SignedHead): string {
  return JSON.stringify({ head: position, hash, atMs, signature });
}

/** @throws where the line is no header of an export. */
export function headerOf(line: string): ExportHeader {
  const header = objectIn(line);
  if (header['coffre'] !== exportFormat) throw new Error(`line 1 is no header of an export in format ${exportFormat}`);
  const base = header['base'];
  return {
    coffre: exportFormat,
    keyFingerprint: textOf(header, 'keyFingerprint'),
    replica: textOf(header, 'replica'),
    ...(isObject(base) ? { base: headIn(base, textOf(header, 'replica')) } : {}),
  };
}

/** @throws where the line is none of an export. What it says is judged elsewhere. */
export function partOf(line: string, replica: string): ChainPart {
  const fields = objectIn(line);
  if ('head' in fields) {
    return { kind: 'head', head: headIn({ ...fields, position: fields['head'] }, replica) };
  }
  const common = { position: numberOf(fields, 'position'), link: bytesOf(fields, 'link', digestBytes) };
  if ('withheld' in fields) {
    const digest = bytesOf(fields, 'withheld', digestBytes);
    return { kind: 'record', record: { kind: 'withheld', ...common, digest } };
  }
  const known = { ...common, meta: metaIn(fields), bodyDigest: bytesOf(fields, 'bodyDigest', digestBytes) };
  if (!('body' in fields)) return { kind: 'record', record: { kind: 'pruned', ...known } };
  const nonce = bytesOf(fields, 'nonce', nonceBytes);
  return { kind: 'record', record: { kind: 'whole', ...known, nonce, body: textOf(fields, 'body') } };
}

type Fields = Readonly<Record<string, unknown>>;

function metaIn(fields: Fields): RecordMeta {
  return {
    id: textOf(fields, 'id'),
    kind: textOf(fields, 'kind') as RecordMeta['kind'], // one that is none fits no digest
    class: textOf(fields, 'class') as RecordMeta['class'],
    atMs: numberOf(fields, 'atMs'),
    tenant: textOf(fields, 'tenant'),
    epoch: numberOf(fields, 'epoch'),
    stream: textOf(fields, 'stream'),
    sequence: numberOf(fields, 'sequence'),
  };
}

function headIn(fields: Fields, replica: string): SignedHead {
  return {
    replica,
    position: numberOf(fields, 'position'),
    hash: textOf(fields, 'hash'),
    atMs: numberOf(fields, 'atMs'),
    signature: textOf(fields, 'signature'),
  };
}

function objectIn(line: string): Fields {
  const value: unknown = JSON.parse(line);
  if (!isObject(value)) throw new Error('it holds no object');
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new Error(`\`${name}\` is no text`);
  return value;
}

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new Error(`\`${name}\` is no whole number`);
  return value;
}

function bytesOf(fields: Fields, name: string, length: number): Buffer {
  const bytes = Buffer.from(textOf(fields, name), 'hex');
  if (bytes.length !== length || bytes.toString('hex') !== fields[name]) {
    throw new Error(`\`${name}\` is not ${length} bytes in lower-case hexadecimal`);
  }
  return bytes;
}
