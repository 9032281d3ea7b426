/**
 * What opening looks at before it writes behind it: the end of the replica's chain, and each record of a drill.
 *
 * A database tears no record: what does not fit was changed, is left as it is, and nothing is written behind it.
 */
import type { KeyObject } from 'node:crypto';
import { bodyDigestOf, type ChainRecord, chainStart, digestOf, linkOf } from '../chain/chain.ts';
import { headIsSigned } from '../chain/head.ts';
import type { SignedHead } from '../store.ts';

export interface ChainTail {
  readonly replica: string;
  readonly base?: SignedHead;
  /** The newest two, newest first. */
  readonly heads: readonly SignedHead[];
  /** From the older of the two heads on, itself included; from the beginning where there is only one. */
  readonly records: readonly ChainRecord[];
}

/** @returns the position from which on nothing is trusted. */
export function changedInTail({ replica, base, heads, records }: ChainTail, publicKey: KeyObject): number | undefined {
  if (base !== undefined && !headIsSigned(publicKey, 'base', base)) return base.position;
  const unsigned = heads.findLast((head) => !headIsSigned(publicKey, 'head', head));
  if (unsigned !== undefined) return unsigned.position;
  const [newest, older] = heads;
  const anchor = older ?? base;
  let link = anchor === undefined ? chainStart(replica) : Buffer.from(anchor.hash, 'hex');
  let position = anchor?.position ?? 0;
  const [first, ...behind] = records;
  if (older !== undefined && !(first?.position === position && first.link.equals(link))) return position;
  for (const record of older === undefined ? records : behind) {
    if (record.position !== position + 1 || !fits(link, record)) return position + 1;
    ({ link, position } = record);
  }
  const end = newest?.position ?? anchor?.position ?? 0;
  if (end !== position) return Math.min(end, position) + 1;
  return newest === undefined || newest.hash === link.toString('hex') ? undefined : position;
}

/** @param before link of the record before it. */
export function fits(before: Uint8Array, record: ChainRecord): boolean {
  if (record.kind === 'withheld') return linkOf(before, record.position, record.digest).equals(record.link);
  const isIntact = record.kind === 'pruned' || bodyDigestOf(record.nonce, record.body).equals(record.bodyDigest);
  return isIntact && linkOf(before, record.position, digestOf(record.meta, record.bodyDigest)).equals(record.link);
}
