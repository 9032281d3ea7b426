/**
 * Checks a chain as it goes by, with the public key alone, in memory that does not grow with it.
 *
 *   origin ──▶ record, record, head, record, head ... ──▶ finish() ──▶ ChainReport
 *
 * Records come by position and each head right behind its record. The surprise: after a record that does not fit there
 * are two links to go on from, the stored one (its content was altered) and the computed one (its link was); whichever the
 * next record fits tells them apart, so that one altered byte is one finding, at its own position.
 */
import type { KeyObject } from 'node:crypto';
import type { SignedHead } from '../store.ts';
import { bodyDigestOf, type ChainRecord, chainStart, digestOf, linkOf } from './chain.ts';
import type { ChainFinding } from './chain-finding.ts';
import { type ExpectedHead, headIsSigned } from './head.ts';
import { Misplaced } from './misplaced.ts';
import { coverOf } from './prune-cover.ts';

/** Most findings that are told: a chain with more is not examined, it is replaced. */
const findingsMax = 100;

export interface ChainOrigin {
  readonly replica: string;
  /** Absent of a chain that is there from its first record. */
  readonly base?: SignedHead;
}

export interface ChainReport {
  readonly replica: string;
  /** Positions of the first and last record that were seen; 0 of none. */
  readonly first: number;
  readonly last: number;
  readonly records: number;
  readonly pruned: number;
  readonly withheld: number;
  /** The newest head that is signed and fits. */
  readonly head?: SignedHead;
  /** Empty: the chain is what this key signed. */
  readonly findings: readonly ChainFinding[];
}

export class ChainCheck {
  readonly #origin: ChainOrigin;
  readonly #publicKey: KeyObject;
  readonly #expected: ExpectedHead | undefined;
  readonly #findings: ChainFinding[] = [];
  readonly #misplaced = new Misplaced();
  /** Of each class, the youngest pruned record that no later record has covered. */
  readonly #uncovered = new Map<string, { readonly position: number; readonly atMs: number }>();
  #stored: Buffer;
  #computed: Buffer;
  #first = 0;
  #last: number;
  #records = 0;
  #pruned = 0;
  #withheld = 0;
  #head: SignedHead | undefined;
  #witnessed: string | undefined;
  /** Position of a head whose record did not come before it. */
  #ahead = 0;

  constructor(origin: ChainOrigin, publicKey: KeyObject, expected?: ExpectedHead) {
    this.#origin = origin;
    this.#publicKey = publicKey;
    this.#expected = expected;
    const { base, replica } = origin;
    this.#stored = base === undefined ? chainStart(replica) : Buffer.from(base.hash, 'hex');
    this.#computed = this.#stored;
    this.#last = base?.position ?? 0;
    if (base !== undefined && !headIsSigned(publicKey, 'base', { ...base, replica }))
      this.#tell({ kind: 'bad-signature', position: base.position });
    this.#witness(this.#last, this.#stored);
  }

  record(record: ChainRecord): void {
    this.#records += 1;
    const { position } = record;
    if (position <= this.#last) {
      this.#misplaced.late(position);
      return;
    }
    if (this.#first === 0) this.#first = position;
    const gap = position - this.#last - 1;
    if (gap > 0) this.#misplaced.gap(this.#last + 1, position - 1);
    const { digest, intact } = examined(record);
    const computed = linkOf(this.#stored, position, digest);
    const fits = computed.equals(record.link) || linkOf(this.#computed, position, digest).equals(record.link);
    // Behind a gap nothing is known of the link before; the next head judges.
    if (!intact || (!fits && gap === 0)) {
      this.#misplaced.suspect({ position, digest, link: record.link, before: this.#stored });
    }
    this.#computed = fits || gap > 0 ? record.link : computed;
    this.#stored = record.link;
    this.#last = position;
    this.#witness(position, record.link);
    this.#account(record, intact);
  }

  head(head: SignedHead): void {
    if (!headIsSigned(this.#publicKey, 'head', { ...head, replica: this.#origin.replica })) {
      this.#tell({ kind: 'bad-signature', position: head.position });
    } else if (head.position > this.#last) {
      this.#ahead = Math.max(this.#ahead, head.position);
    } else if (head.position < this.#last) {
      this.#misplaced.late(head.position);
    } else {
      const fits = [this.#stored, this.#computed].some((link) => link.toString('hex') === head.hash);
      if (!fits && !this.#misplaced.touches(this.#vouchedFor() + 1, head.position))
        this.#tell({ kind: 'altered', from: this.#vouchedFor() + 1, to: head.position });
      this.#head = head;
    }
  }

  /** Nothing, or nothing more, can be read. */
  /** Beside the chain: what is searched by says other than the records. */
  disagreeingIndex(message: string): void {
    this.#tell({ kind: 'index', message });
  }

  unreadable(message: string): void {
    this.#tell({ kind: 'unreadable', message });
  }

  finish(): ChainReport {
    this.#findings.unshift(...this.#misplaced.findings());
    const vouched = this.#vouchedFor();
    if (vouched < this.#last) this.#tell({ kind: 'unsigned-tail', from: vouched + 1, to: this.#last });
    if (this.#ahead > this.#last) this.#tell({ kind: 'truncated', last: this.#last, expected: this.#ahead });
    for (const [name, { position }] of this.#uncovered) {
      this.#tell({ kind: 'pruned-without-cover', position, class: name });
    }
    this.#compareWitness();
    return {
      replica: this.#origin.replica,
      first: this.#first,
      last: this.#last,
      records: this.#records,
      pruned: this.#pruned,
      withheld: this.#withheld,
      ...(this.#head === undefined ? {} : { head: this.#head }),
      findings: this.#findings.slice(0, findingsMax),
    };
  }

  /** Up to here a signature reaches. */
  #vouchedFor(): number {
    return this.#head?.position ?? this.#origin.base?.position ?? 0;
  }

  #account(record: ChainRecord, intact: boolean): void {
    switch (record.kind) {
      case 'withheld':
        this.#withheld += 1;
        return;
      case 'pruned': {
        this.#pruned += 1;
        const { class: name, atMs } = record.meta;
        const youngest = this.#uncovered.get(name);
        if (youngest === undefined || atMs >= youngest.atMs)
          this.#uncovered.set(name, { position: record.position, atMs });
        return;
      }
      case 'whole': {
        const cover = intact && record.meta.kind === 'store' ? coverOf(record.body) : undefined;
        const youngest = cover && this.#uncovered.get(cover.class);
        if (cover && youngest && youngest.atMs < cover.beforeMs) this.#uncovered.delete(cover.class);
      }
    }
  }

  #witness(position: number, link: Buffer): void {
    if (position === this.#expected?.position) this.#witnessed = link.toString('hex');
  }

  #compareWitness(): void {
    const expected = this.#expected;
    if (expected === undefined) return;
    const { replica } = this.#origin;
    const base = this.#origin.base?.position ?? 0;
    const { position } = expected;
    if (expected.replica !== replica) this.#tell({ kind: 'wrong-replica', expected: expected.replica, found: replica });
    else if (position > this.#last) this.#tell({ kind: 'truncated', last: this.#last, expected: position });
    else if (position < base) this.#tell({ kind: 'out-of-reach', position, base });
    else if (this.#witnessed !== expected.hash) this.#tell({ kind: 'diverged', position });
  }

  #tell(finding: ChainFinding): void {
    if (this.#findings.length < findingsMax) this.#findings.push(finding);
  }
}

function examined(record: ChainRecord): { readonly digest: Buffer; readonly intact: boolean } {
  if (record.kind === 'withheld') return { digest: record.digest, intact: true };
  const { meta, bodyDigest } = record;
  const intact = record.kind === 'pruned' || bodyDigestOf(record.nonce, record.body).equals(bodyDigest);
  return { digest: digestOf(meta, bodyDigest), intact };
}
