/**
 * The one that writes a store: chains records, signs a head over each commit, and answers when both are on disk.
 *
 * Everything here is synchronous; it lives in a thread of its own (sqlite-writer-thread.io.ts).
 * The surprise: SQLite works from its memory, and goes on writing into a file that was overwritten, moved or removed
 * under it. So each commit looks whether the file is still there, and `probe`, while a drill runs, reads it as well.
 */
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { bodyDigestOf, chainStart, digestOf, linkOf } from '../chain/chain.ts';
import { headText, signHead } from '../chain/head.ts';
import { draftOf, type RecordDraft } from '../chain/record-draft.ts';
import type { StoreEvent } from '../event.ts';
import type { AppendAnswer, DrillAppendAnswer, SignedHead } from '../store.ts';
import { Nonces } from './nonces.io.ts';
import { type FileOptions, type OpenedFile, openFile } from './sqlite-open.io.ts';
import { headOf } from './sqlite-rows.ts';
import { originOf } from './sqlite-source.io.ts';
import { format, headSpan } from './sqlite-tables.ts';
import { fileTrouble } from './store-file.io.ts';

export const fenced = 'another control plane has opened the store after this one; this one writes no more';
const notOurs = 'the store is not as this process left it';

/** SQLite's result code for a disk, or a file, without room. */
const sqliteFull = 13;

export interface WriterOptions extends FileOptions {
  /** Epoch ms, of the event that says so. */
  readonly nowMs: number;
}

export interface DrillDraft {
  readonly stream: string;
  readonly after: number;
  /** As the run book wrote it. */
  readonly text: string;
  readonly record: RecordDraft;
  /** It was tried before, and nobody knows whether it is kept. */
  readonly doubted: boolean;
}

/** It says `stream > ''` again, or SQLite would not see that the index of streams may be used. */
export const newestOfStream =
  "SELECT sequence, body FROM record WHERE stream = ? AND stream > '' ORDER BY sequence DESC LIMIT 1";

/** The end of the chain. */
interface Tip {
  readonly position: number;
  readonly link: Buffer;
}

type Refusal = Exclude<AppendAnswer, { kind: 'kept' }>;

export class SqliteWriter {
  readonly findings: readonly string[];
  readonly epoch: number;
  /** Why it writes no more. */
  blocked: string | undefined;
  readonly damage: OpenedFile['damage'];
  readonly #opened: OpenedFile;
  readonly #options: WriterOptions;
  readonly #insert: StatementSync;
  readonly #nonces = new Nonces();
  #tip: Tip;
  #head: SignedHead | undefined;

  private constructor(opened: OpenedFile, options: WriterOptions) {
    const { database, damage } = opened;
    this.#opened = opened;
    this.#options = options;
    this.epoch = opened.epoch;
    this.damage = damage;
    this.blocked = damage?.message;
    this.#insert = database.prepare(
      `INSERT INTO record (position, id, kind, class, at_ms, tenant, epoch, stream, sequence, body_digest, nonce, body, link)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    );
    this.#tip = this.#tipOf(database);
    this.#head = this.#headOf(database);
    this.findings = damage === undefined ? [...opened.findings, ...this.#begun()] : opened.findings;
  }

  /** @throws where the file cannot be opened, or is not ours to write. */
  static open(options: WriterOptions): SqliteWriter {
    return new SqliteWriter(openFile(options), options);
  }

  head(): SignedHead | undefined {
    return this.#head;
  }

  /** All groups in one transaction under one head; an answer for each. */
  commit(groups: readonly (readonly RecordDraft[])[], atMs: number): readonly AppendAnswer[] {
    const outcome = this.transact((): Refusal | readonly number[] => {
      const refusal = this.#refusal();
      if (refusal !== undefined) return refusal;
      const skipped = groups.map((drafts) => drafts.filter((draft) => !this.#add(draft)).length);
      this.#sign(atMs);
      return skipped;
    });
    if ('kind' in outcome) return groups.map(() => outcome);
    const head = this.#head;
    if (head === undefined) return groups.map(() => ({ kind: 'failed', full: false, message: 'there is no record' }));
    return outcome.map((skipped) => ({ kind: 'kept', head, skipped }));
  }

  /** @param mayCommit asked once, right before the commit: false, and nothing was written. */
  appendDrill(drill: DrillDraft, mayCommit: () => boolean): DrillAppendAnswer {
    const outcome = this.transact((): DrillAppendAnswer => {
      const refusal = this.#refusal();
      if (refusal !== undefined)
        return { kind: refusal.message === fenced ? 'fenced' : 'failed', message: refusal.message };
      const { stream, after, record } = drill;
      const [sequence, text] = this.#newestOf(stream);
      if (drill.doubted && sequence === after + 1 && text === drill.text) return { kind: 'appended', sequence };
      if (sequence !== after) {
        return { kind: 'conflict', message: `\`${stream}\` is at record ${sequence} and was expected at ${after}` };
      }
      if (!this.#add(record)) return { kind: 'conflict', message: `\`${record.meta.id}\` is kept already` };
      this.#sign(record.meta.atMs);
      if (!mayCommit()) return { kind: 'failed', message: 'nobody waits for it any more' };
      return { kind: 'appended', sequence: after + 1 };
    });
    switch (outcome.kind) {
      case 'blocked':
        return { kind: 'failed', message: outcome.message };
      default:
        return outcome;
    }
  }

  /** Tries a write that leaves nothing, and looks at the file as another would open it. @returns why it would not be kept. */
  probe(): string | undefined {
    if (this.blocked !== undefined) return this.blocked;
    const outcome = this.transact((): Refusal | { readonly kind: 'written' } => {
      const refusal = this.#refusal();
      // To say again which format it is writes a page; an UPDATE that changes no byte would write none.
      if (refusal === undefined) this.#opened.database.exec(`PRAGMA user_version = ${format}`);
      return refusal ?? { kind: 'written' };
    });
    if (outcome.kind !== 'written') return outcome.message;
    try {
      return this.#fileLookedAt();
    } catch (error) {
      return messageOf(error);
    }
  }

  close(): void {
    this.blocked ??= 'the store is closed';
    if (!this.#opened.database.isOpen) return;
    this.#opened.database.close();
    closeSync(this.#opened.file);
  }

  /** For what is more than appending; see sqlite-prune.io.ts. */
  get database(): DatabaseSync {
    return this.#opened.database;
  }

  get signing(): Pick<WriterOptions, 'replica' | 'signingKey'> {
    return this.#options;
  }

  /**
   * Commits what `act` did if it says `appended` or `written`, or gives a list; takes it back otherwise.
   * Tip and head are as before if it did not happen.
   */
  transact<T extends { readonly kind: string } | readonly unknown[]>(act: () => T): T | Refusal {
    const { database } = this.#opened;
    const before = { tip: this.#tip, head: this.#head };
    const undo = () => {
      this.#tip = before.tip;
      this.#head = before.head;
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK');
    };
    try {
      database.exec('BEGIN IMMEDIATE');
      const outcome = act();
      if ('kind' in outcome && !['appended', 'written'].includes(outcome.kind)) undo();
      else database.exec('COMMIT');
      return outcome;
    } catch (error) {
      undo();
      const full = error instanceof Error && 'errcode' in error && error.errcode === sqliteFull;
      return { kind: 'failed', full, message: messageOf(error) };
    }
  }

  /** Within a transaction. @throws where this writer may not write. */
  insist(): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw new Error(refusal.message);
  }

  /** Adds an event of the store's own, within a transaction. */
  tell(event: Omit<StoreEvent, 'kind' | 'id' | 'tenant'>): void {
    const draft = draftOf({ kind: 'store', id: randomUUID(), tenant: 'coffre-system', ...event });
    if ('refused' in draft) throw new Error(draft.refused);
    this.#add(draft);
    this.#sign(event.atMs);
  }

  /** @returns false where its id is kept already. */
  #add({ meta, body }: RecordDraft): boolean {
    const nonce = this.#nonces.next();
    const bodyDigest = bodyDigestOf(nonce, body);
    const full = { ...meta, epoch: this.epoch };
    const position = this.#tip.position + 1;
    const link = linkOf(this.#tip.link, position, digestOf(full, bodyDigest));
    const { id, kind, class: name, atMs, tenant, epoch, stream, sequence } = full;
    const { changes } = this.#insert.run(
      ...[position, id, kind, name, atMs, tenant, epoch, stream, sequence],
      ...[bodyDigest, nonce, body, link],
    );
    if (changes === 0) return false;
    this.#tip = { position, link };
    return true;
  }

  /** Over the tip, if it is under no head yet. Of the heads before the newest two, the last of each span is kept. */
  #sign(atMs: number): void {
    const { database } = this.#opened;
    const { position, link } = this.#tip;
    if (position === (this.#head?.position ?? 0)) return;
    const { replica, signingKey } = this.#options;
    const head = signHead(signingKey, 'head', { replica, position, hash: link.toString('hex'), atMs });
    database
      .prepare('INSERT INTO head (position, hash, at_ms, signature) VALUES (?, ?, ?, ?)')
      .run(position, head.hash, atMs, head.signature);
    const [, next, third] = database
      .prepare('SELECT position FROM head ORDER BY position DESC LIMIT 3')
      .all()
      .map((row) => Number(row['position']));
    if (next !== undefined && third !== undefined && spanOf(next) === spanOf(third))
      database.prepare('DELETE FROM head WHERE position = ?').run(third);
    this.#head = head;
  }

  /** Why this writer may not write now. */
  #refusal(): Refusal | undefined {
    if (this.blocked !== undefined) return { kind: 'blocked', message: this.blocked };
    const { database, epoch } = this.#opened;
    if (Number(database.prepare('SELECT epoch FROM fence').get()?.['epoch']) !== epoch) {
      this.blocked = fenced;
      return { kind: 'blocked', message: fenced };
    }
    const trouble = fileTrouble(this.#opened.path, this.#opened.file);
    if (trouble !== undefined) return { kind: 'failed', full: false, message: trouble };
    const tip = this.#tipOf(database);
    const isOurs = tip.position === this.#tip.position && tip.link.equals(this.#tip.link);
    return isOurs ? undefined : { kind: 'failed', full: false, message: notOurs };
  }

  #newestOf(stream: string): readonly [sequence: number, text: string | undefined] {
    const row = this.#opened.database.prepare(newestOfStream).get(stream);
    if (row === undefined) return [0, undefined];
    const { sequence, body } = row;
    return [Number(sequence), typeof body === 'string' ? JSON.parse(body).body : undefined];
  }

  /** What is at the path must read as we left it to whoever opens it next. */
  #fileLookedAt(): string | undefined {
    const { path } = this.#opened;
    const reader = new DatabaseSync(path, { readOnly: true, timeout: 100 });
    try {
      return this.#tipOf(reader).link.equals(this.#tip.link) ? undefined : notOurs;
    } finally {
      reader.close();
    }
  }

  #tipOf(database: DatabaseSync): Tip {
    const row = database.prepare('SELECT position, link FROM record ORDER BY position DESC LIMIT 1').get();
    const link = row?.['link'];
    if (link instanceof Uint8Array) return { position: Number(row?.['position']), link: Buffer.from(link) };
    const { replica, base } = originOf(database);
    if (base === undefined) return { position: 0, link: chainStart(replica) };
    return { position: base.position, link: Buffer.from(base.hash, 'hex') };
  }

  #headOf(database: DatabaseSync): SignedHead | undefined {
    const row = database
      .prepare('SELECT position, hash, at_ms, signature FROM head ORDER BY position DESC LIMIT 1')
      .get();
    return row && headOf(this.#options.replica, row);
  }

  /** Cuts what was torn, and says that a new epoch has begun: both are records. */
  #begun(): readonly string[] {
    const { torn, path } = this.#opened;
    const { nowMs } = this.#options;
    const cut = torn === undefined ? [] : [`record ${torn}, the last, did not fit its digest and was cut`];
    const outcome = this.transact(() => {
      if (torn !== undefined) this.#cut(torn);
      const under = this.#head === undefined ? '' : `; its head was ${headText(this.#head)}`;
      if (torn !== undefined) this.#head = this.#headOf(this.#opened.database);
      for (const text of cut) this.tell({ atMs: nowMs, what: 'tail-cut', text: `${text}${under}` });
      this.tell({ atMs: nowMs, what: 'opened', text: `epoch ${this.epoch}` });
      return { kind: 'written' as const };
    });
    if (outcome.kind === 'written') return cut.map((text) => `${path}: ${text}`);
    // What does not fit must not be written behind; without room for a record of the opening alone one goes on.
    if (torn !== undefined) this.blocked = `${path}: its last record is torn and cannot be cut (${outcome.message})`;
    return [`${path}: the opening could not be recorded (${outcome.message})`];
  }

  #cut(position: number): void {
    const { database } = this.#opened;
    database.prepare('DELETE FROM record WHERE position >= ?').run(position);
    database.prepare('DELETE FROM head WHERE position >= ?').run(position);
    this.#tip = this.#tipOf(database);
  }
}

function spanOf(position: number): number {
  return Math.floor(position / headSpan);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
