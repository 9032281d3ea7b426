/**
 * The journal of drills, in one SQLite file: append-only, chained, on disk before anything is done.
 *
 *   FOLDER/drills.db   WAL, synchronous FULL; 0600
 *
 * Writes are synchronous on purpose: an effect that may only follow its record has nothing else to do meanwhile, and one
 * write is one fsync. Two handles may be open, of a process that hangs and of the one that took over: each opening takes
 * a higher epoch, and what an older epoch writes is refused inside the transaction, so a pause at any point is harmless.
 * The surprise: SQLite works from its memory, and goes on writing into a file that was overwritten, moved or removed
 * under it. While a drill runs, `probe` looks at the file itself.
 * A write of SQLite's own that was torn is undone by SQLite, from its WAL; the chain is for what SQLite cannot see.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AppendAnswer, Journal, JournalRecord } from './journal.ts';
import { fileTrouble } from './journal-file.io.ts';

const fileName = 'drills.db';

/** Version of the tables; a higher one was written by a newer Coffre. */
const format = 1;

/** Longest that a write waits for another handle, in ms. Everything else of this process waits with it. */
const lockWaitMs = 100;

/** Largest file, in pages of 4 KiB: 256 MiB, several thousand drills. */
const pagesMaxDefault = 65_536;

const tables = `
  CREATE TABLE IF NOT EXISTS fence (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS record (
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, sequence INTEGER NOT NULL, epoch INTEGER NOT NULL,
    body TEXT NOT NULL, checksum TEXT NOT NULL, UNIQUE (stream, sequence)
  ) STRICT;
  INSERT OR IGNORE INTO fence (id, epoch) VALUES (1, 0);
  PRAGMA user_version = ${format};
`;

const select = 'SELECT position, stream, sequence, epoch, body, checksum FROM record';

/** Never throws: a journal that cannot be used says so by `blocked`, and whoever depends on it refuses. */
export function openJournal(folder: string, pagesMax: number = pagesMaxDefault): Journal {
  const path = join(folder, fileName);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = openSync(path, 'a+', 0o600); // SQLite gives its other files the mode of the first
    try {
      const database = new DatabaseSync(path, { timeout: lockWaitMs });
      try {
        return openOn({ database, path, file }, pagesMax);
      } catch (error) {
        database.close();
        throw error;
      }
    } catch (error) {
      closeSync(file);
      throw error;
    }
  } catch (error) {
    return blockedJournal(`${path} cannot be opened (${messageOf(error)}); restore it from a backup, or move it away`);
  }
}

interface Opened {
  readonly database: DatabaseSync;
  readonly path: string;
  /** Held until the database is closed: to close any handle of the file gives up every lock that the process has on it. */
  readonly file: number;
}

function openOn(opened: Opened, pagesMax: number): Journal {
  const { database, path } = opened;
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > format)
    throw new Error(`it was written by a newer version, in format ${version}; this one knows ${format}`);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec(`BEGIN IMMEDIATE; ${tables} UPDATE fence SET epoch = epoch + 1; COMMIT`);
  database.exec(`PRAGMA max_page_count = ${pagesMax}`);
  const judgement = judgeChain(allRecords(database));
  switch (judgement.kind) {
    case 'whole':
      return new SqliteJournal(opened, [], undefined);
    case 'torn': {
      database.prepare('DELETE FROM record WHERE position = ?').run(judgement.position);
      const finding = `${path}: record ${judgement.position}, the last, did not fit its checksum and was cut`;
      return new SqliteJournal(opened, [finding], undefined);
    }
    case 'changed': {
      const found = `${path}: record ${judgement.position} was changed after it was written, so nothing more is written; restore the file from a backup, or move it away`;
      return new SqliteJournal(opened, [found], { position: judgement.position, message: found });
    }
  }
}

class SqliteJournal implements Journal {
  readonly findings: readonly string[];
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #file: number;
  readonly #epoch: number;
  readonly #damage: { readonly position: number; readonly message: string } | undefined;
  /** Checksum of the record that we know to be the last. */
  #tip: string;
  #blocked: string | undefined;

  constructor(
    { database, path, file }: Opened,
    findings: readonly string[],
    damage: { readonly position: number; readonly message: string } | undefined,
  ) {
    this.findings = findings;
    this.#database = database;
    this.#path = path;
    this.#file = file;
    this.#epoch = epochOf(database);
    this.#damage = damage;
    this.#blocked = damage?.message;
    this.#tip = tipOf(database).checksum;
  }

  /** Asks the file, too: whoever was fenced off learns it before writing. */
  blocked(): string | undefined {
    if (this.#blocked !== undefined) return this.#blocked;
    try {
      this.#isFencedOff();
    } catch (error) {
      return messageOf(error);
    }
    return this.#blocked;
  }

  probe(): string | undefined {
    const blocked = this.blocked();
    if (blocked !== undefined) return blocked;
    try {
      return this.#writeTried() ?? this.#fileLookedAt();
    } catch (error) {
      return messageOf(error);
    }
  }

  records(): Iterable<JournalRecord> {
    return allRecords(this.#database, this.#damage?.position);
  }

  append(stream: string, after: number, body: string): AppendAnswer {
    if (this.#damage !== undefined) return { kind: 'failed', message: this.#damage.message };
    try {
      const answer = this.#inTransaction(
        () => this.#insert(stream, after, body),
        ({ kind }) => kind === 'appended',
      );
      if (answer.kind !== 'appended') return answer;
      this.#tip = answer.checksum;
      return { kind: 'appended', sequence: answer.sequence };
    } catch (error) {
      return { kind: 'failed', message: messageOf(error) };
    }
  }

  close(): void {
    this.#blocked ??= 'the journal is closed';
    if (!this.#database.isOpen) return;
    this.#database.close();
    closeSync(this.#file);
  }

  /** Says again which format it is. An `UPDATE` that changes no byte would write none. */
  #writeTried(): string | undefined {
    return this.#inTransaction(
      () => {
        if (this.#isFencedOff()) return fenced;
        this.#database.exec(`PRAGMA user_version = ${format}`);
        return undefined;
      },
      (refusal) => refusal === undefined,
    );
  }

  /** What is at the path must be what we write into, and read as we left it to whoever opens it next. */
  #fileLookedAt(): string | undefined {
    const trouble = fileTrouble(this.#path, this.#file);
    if (trouble !== undefined) return trouble;
    const reader = new DatabaseSync(this.#path, { readOnly: true, timeout: lockWaitMs });
    try {
      return tipOf(reader).checksum === this.#tip ? undefined : notOurs;
    } finally {
      reader.close();
    }
  }

  #inTransaction<T>(act: () => T, isDone: (outcome: T) => boolean): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const outcome = act();
      this.#database.exec(isDone(outcome) ? 'COMMIT' : 'ROLLBACK');
      return outcome;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #isFencedOff(): boolean {
    if (epochOf(this.#database) !== this.#epoch) this.#blocked = fenced;
    return this.#blocked === fenced;
  }

  #insert(
    stream: string,
    after: number,
    body: string,
  ): { kind: 'appended'; sequence: number; checksum: string } | Exclude<AppendAnswer, { kind: 'appended' }> {
    if (this.#isFencedOff()) return { kind: 'fenced', message: fenced };
    const tip = tipOf(this.#database);
    if (tip.checksum !== this.#tip) return { kind: 'failed', message: notOurs };
    const head = Number(
      this.#database.prepare('SELECT max(sequence) AS head FROM record WHERE stream = ?').get(stream)?.['head'] ?? 0,
    );
    if (head !== after) {
      return { kind: 'conflict', message: `\`${stream}\` is at record ${head} and was expected at ${after}` };
    }
    const record = { position: tip.position + 1, stream, sequence: after + 1, epoch: this.#epoch, body };
    const checksum = checksumOf(tip.checksum, record);
    this.#database
      .prepare('INSERT INTO record (position, stream, sequence, epoch, body, checksum) VALUES (?, ?, ?, ?, ?, ?)')
      .run(record.position, stream, record.sequence, record.epoch, body, checksum);
    return { kind: 'appended', sequence: record.sequence, checksum };
  }
}

const fenced = 'another control plane has opened the journal after this one; this one writes no more';
const notOurs = 'the journal is not as this process left it';

function blockedJournal(message: string): Journal {
  return {
    findings: [message],
    blocked: () => message,
    probe: () => message,
    records: () => [],
    append: () => ({ kind: 'failed', message }),
    close: () => undefined,
  };
}

function epochOf(database: DatabaseSync): number {
  return Number(database.prepare('SELECT epoch FROM fence').get()?.['epoch']);
}

function tipOf(database: DatabaseSync): { readonly position: number; readonly checksum: string } {
  const row = database.prepare(`${select} ORDER BY position DESC LIMIT 1`).get();
  return row === undefined ? { position: 0, checksum: chainStart } : recordOf(row);
}

/** @param before those at lower positions only. */
function* allRecords(database: DatabaseSync, before: number = Number.MAX_SAFE_INTEGER): Generator<ChainedRecord> {
  for (const row of database.prepare(`${select} WHERE position < ? ORDER BY position`).iterate(before)) {
    yield recordOf(row);
  }
}

function recordOf(row: Record<string, unknown>): ChainedRecord {
  return {
    position: Number(row['position']),
    stream: String(row['stream']),
    sequence: Number(row['sequence']),
    epoch: Number(row['epoch']),
    body: String(row['body']),
    checksum: String(row['checksum']),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface ChainedRecord extends JournalRecord {
  /** Hexadecimal. */
  readonly checksum: string;
}

/** Before the first. */
const chainStart = '0'.repeat(64);

function checksumOf(before: string, record: JournalRecord): string {
  const { position, stream, sequence, epoch, body } = record;
  return createHash('sha256')
    .update(JSON.stringify([before, position, stream, sequence, epoch, body]))
    .digest('hex');
}

type ChainJudgement =
  | { readonly kind: 'whole' }
  /** Only the last does not fit. */
  | { readonly kind: 'torn'; readonly position: number }
  | { readonly kind: 'changed'; readonly position: number };

/** @param records all of them, by position. */
function judgeChain(records: Iterable<ChainedRecord>): ChainJudgement {
  let before = chainStart;
  let last = 0;
  let firstBad: number | undefined;
  for (const record of records) {
    if (firstBad !== undefined) return { kind: 'changed', position: firstBad };
    const fits = record.position === last + 1 && record.checksum === checksumOf(before, record);
    if (!fits) firstBad = record.position;
    before = record.checksum;
    last = record.position;
  }
  return firstBad === undefined ? { kind: 'whole' } : { kind: 'torn', position: firstBad };
}
