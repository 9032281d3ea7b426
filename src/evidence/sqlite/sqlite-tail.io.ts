/**
 * What opening looks at before it writes behind it: the end of the chain, and each record of a drill.
 *
 *   the head before the newest ──▶ every record behind it ──▶ the newest head
 *
 * Only a last record that does not fit is taken for a write that was torn, and only if a signature vouches for the one
 * before it: what is cut here is signed over. Everything else that does not fit is left as it is, and nothing is written
 * behind it. All of a long chain is read later, beside the work; see sqlite-reader.io.ts.
 */
import type { KeyObject } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { bodyDigestOf, type ChainRecord, chainStart, digestOf, linkOf } from '../chain/chain.ts';
import { headIsSigned } from '../chain/head.ts';
import { headOf, recordColumns, recordOf } from './sqlite-rows.ts';
import { originOf } from './sqlite-source.io.ts';

export type TailJudgement =
  | { readonly kind: 'whole' }
  /** Only the last does not fit. */
  | { readonly kind: 'torn'; readonly position: number }
  | { readonly kind: 'changed'; readonly position: number };

interface Place {
  readonly position: number;
  readonly link: Buffer;
}

export function judgeTail(database: DatabaseSync, publicKey: KeyObject): TailJudgement {
  const { replica, base } = originOf(database);
  const start: Place = {
    position: base?.position ?? 0,
    link: base ? Buffer.from(base.hash, 'hex') : chainStart(replica),
  };
  if (base !== undefined && !headIsSigned(publicKey, 'base', base)) return { kind: 'changed', position: base.position };
  const [newest, before] = database
    .prepare('SELECT position, hash, at_ms, signature FROM head ORDER BY position DESC LIMIT 2')
    .all()
    .map((row) => headOf(replica, row));
  for (const head of [before, newest]) {
    if (head !== undefined && !headIsSigned(publicKey, 'head', head))
      return { kind: 'changed', position: head.position };
  }
  const anchor: Place = before ? { position: before.position, link: Buffer.from(before.hash, 'hex') } : start;
  if (anchor !== start && !linkAt(database, anchor.position)?.equals(anchor.link))
    return { kind: 'changed', position: anchor.position };
  return judgeFrom(database, anchor, newest && { position: newest.position, link: Buffer.from(newest.hash, 'hex') });
}

function judgeFrom(database: DatabaseSync, anchor: Place, newest: Place | undefined): TailJudgement {
  let last = anchor;
  let bad: { readonly position: number; readonly vouched: boolean } | undefined;
  const rows = database
    .prepare(`SELECT ${recordColumns} FROM record WHERE position > ? ORDER BY position`)
    .iterate(anchor.position);
  for (const row of rows) {
    const record = recordOf(row);
    if (bad !== undefined) return { kind: 'changed', position: bad.position };
    const { position, link } = record;
    if (position !== last.position + 1) return { kind: 'changed', position: last.position + 1 };
    const linked = isLinked(last.link, record);
    // Its digest alone carries the signature on to those before it, even where the body fell to pieces.
    const vouched = linked ? newest?.position === position && newest.link.equals(link) : last === anchor;
    if (!linked || !isIntact(record)) bad = { position, vouched };
    last = { position, link };
  }
  if (bad !== undefined) return { kind: bad.vouched ? 'torn' : 'changed', position: bad.position };
  const signed = newest ?? anchor;
  if (signed.position !== last.position)
    return { kind: 'changed', position: Math.min(signed.position, last.position) + 1 };
  return signed.link.equals(last.link) ? { kind: 'whole' } : { kind: 'changed', position: last.position };
}

/** @returns the first record of a drill that is not what its link says. */
export function changedDrill(database: DatabaseSync): number | undefined {
  const columns = recordColumns.replaceAll(/\w+/g, 'record.$&');
  const rows = database
    .prepare(
      `SELECT ${columns}, before.link AS link_before FROM record LEFT JOIN record AS before
       ON before.position = record.position - 1 WHERE record.stream > '' AND record.body IS NOT NULL`,
    )
    .iterate();
  const { replica, base } = originOf(database);
  const start = base === undefined ? chainStart(replica) : Buffer.from(base.hash, 'hex');
  let first: number | undefined;
  for (const row of rows) {
    const record = recordOf(row);
    const before = row['link_before'];
    const fits = isIntact(record) && isLinked(before instanceof Uint8Array ? before : start, record);
    if (!fits) first = Math.min(first ?? record.position, record.position);
  }
  return first;
}

function isLinked(before: Uint8Array, record: ChainRecord): boolean {
  const digest = record.kind === 'withheld' ? record.digest : digestOf(record.meta, record.bodyDigest);
  return linkOf(before, record.position, digest).equals(record.link);
}

function isIntact(record: ChainRecord): boolean {
  return record.kind !== 'whole' || bodyDigestOf(record.nonce, record.body).equals(record.bodyDigest);
}

function linkAt(database: DatabaseSync, position: number): Buffer | undefined {
  const link = database.prepare('SELECT link FROM record WHERE position = ?').get(position)?.['link'];
  return link instanceof Uint8Array ? Buffer.from(link) : undefined;
}
