/**
 * The store in one SQLite file, with a thread that writes and a thread that reads.
 *
 *   append, prune ──work──▶ writer ──▶ FOLDER/evidence.db ◀── reader ◀── query
 *   appendDrill, probe ──urgent, waited for──▶ writer        ◀── fence, looked at by this thread itself
 *
 * Never throws: a store that cannot be used says so by `blocked`, and whoever depends on it refuses.
 * The surprise: `appendDrill` stops this thread until the disk has answered, on purpose: an effect that may only follow its
 * record has nothing else to do meanwhile. It gives up after two seconds, and what it gave up is not written later.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { BlockedStore } from '../blocked-store.ts';
import { draftOf, drillDraftOf, type RecordDraft } from '../chain/record-draft.ts';
import type { EvidenceEvent } from '../event.ts';
import type {
  AppendAnswer,
  DrillAbout,
  DrillAppendAnswer,
  EventQuery,
  EvidenceStore,
  PruneAnswer,
  QueryAnswer,
  RetentionRules,
  SignedHead,
  StoredDrill,
} from '../store.ts';
import { WriterLink } from '../writer-link.io.ts';
import { openReadOnly } from './sqlite-source.io.ts';
import { fenced } from './sqlite-writer.io.ts';
import { StoreReader } from './store-reader.io.ts';
import type { Opening, WriterThreadData } from './writer-messages.ts';

/** Name of the file in the folder. */
export const storeFile = 'evidence.db';

/** Largest file unless told otherwise, in bytes: about ten million events. */
const bytesMaxDefault = 8_589_934_592;

/** Most drill records of which it is not known whether they are kept. More than one means that the disk hangs. */
const doubtsMax = 1_000;

export interface SqliteStoreOptions {
  /** Made where it is missing, 0700. */
  readonly folder: string;
  /** At most 253 characters without a colon or white space. */
  readonly replica: string;
  /** Ed25519, private. */
  readonly signingKey: KeyObject;
  readonly clock: { nowMs(): number };
  /** Told once, after all of the chain was read beside the work: empty, or what is wrong with it. */
  onChecked?(findings: readonly string[], records: number): void;
  readonly bytesMax?: number;
}

export async function openSqliteStore(options: SqliteStoreOptions): Promise<EvidenceStore> {
  const { replica, signingKey, folder, clock } = options;
  const publicKeyPem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString();
  const path = join(folder, storeFile);
  const refuse = (why: string) =>
    new BlockedStore(
      replica,
      publicKeyPem,
      `${path} cannot be opened (${why}); restore it from a backup, or move it away`,
    );
  if (!/^[^:\s]{1,253}$/.test(replica)) return refuse(`\`${replica}\` is no name for a replica`);
  const bytesMax = options.bytesMax ?? bytesMaxDefault;
  const data: Omit<WriterThreadData, 'work' | 'urgent'> = { path, replica, signingKey, bytesMax, nowMs: clock.nowMs() };
  const writer: SqliteWriterLink = new WriterLink({ thread: writerThread, data });
  const opening = await writer.opening;
  if (opening.kind === 'failed') {
    await writer.end();
    return refuse(opening.message);
  }
  const { epoch, findings, damagedAt } = opening;
  try {
    const own = openReadOnly(path);
    const reader = new StoreReader({ path, replica, publicKeyPem, isChecked: damagedAt === undefined });
    return new SqliteStore({ options, publicKeyPem, findings, epoch, damagedAt, own, writer, reader });
  } catch (error) {
    await writer.end();
    return refuse(messageOf(error));
  }
}

const writerThread = new URL('./sqlite-writer-thread.io.ts', import.meta.url);

type SqliteWriterLink = WriterLink<Extract<Opening, { readonly kind: 'opened' }>, DrillAppendAnswer>;

interface Parts {
  readonly options: SqliteStoreOptions;
  readonly publicKeyPem: string;
  readonly findings: readonly string[];
  readonly epoch: number;
  readonly damagedAt: number | undefined;
  /** Of this thread, for what it needs in its own turn. */
  readonly own: DatabaseSync;
  readonly writer: SqliteWriterLink;
  readonly reader: StoreReader;
}

class SqliteStore implements EvidenceStore {
  readonly replica: string;
  readonly publicKeyPem: string;
  readonly findings: readonly string[];
  readonly #parts: Parts;
  readonly #doubted = new Set<string>();
  #closed: string | undefined;

  constructor(parts: Parts) {
    const { options, publicKeyPem, findings, reader, writer } = parts;
    this.replica = options.replica;
    this.publicKeyPem = publicKeyPem;
    this.findings = findings;
    this.#parts = parts;
    reader.onChecked = (found, records) => {
      const [first] = found;
      if (first !== undefined) writer.block(`the chain is damaged (${first}), so nothing more is written`);
      options.onChecked?.(found, records);
    };
  }

  async append(events: readonly EvidenceEvent[]): Promise<AppendAnswer> {
    const blocked = this.blocked();
    if (blocked !== undefined) return { kind: 'blocked', message: blocked };
    const drafts: RecordDraft[] = [];
    for (const event of events) {
      const draft = draftOf(event);
      if ('refused' in draft) return { kind: 'failed', full: false, message: draft.refused };
      drafts.push(draft);
    }
    return this.#parts.writer.append(drafts, this.#parts.options.clock.nowMs());
  }

  appendDrill(stream: string, after: number, text: string, about: DrillAbout): DrillAppendAnswer {
    const blocked = this.blocked();
    if (blocked !== undefined) return { kind: blocked === fenced ? 'fenced' : 'failed', message: blocked };
    const record = drillDraftOf(stream, after + 1, text, about);
    if ('refused' in record) return { kind: 'failed', message: record.refused };
    const name = `${after} ${stream}`;
    const doubted = this.#doubted.has(name);
    const reply = this.#parts.writer.appendDrill({ stream, after, text, record, doubted });
    if (reply.kind !== 'unanswered') {
      this.#doubted.delete(name);
      return reply;
    }
    if (reply.mayBeKept && this.#doubted.size < doubtsMax) this.#doubted.add(name);
    return { kind: 'failed', message: reply.message };
  }

  drillRecords(): readonly StoredDrill[] {
    if (this.#closed !== undefined) return [];
    try {
      return this.#parts.own
        .prepare(
          `SELECT position, stream, sequence, epoch, coalesce(body ->> '$.body', '') AS text FROM record
           WHERE stream > '' AND position < ? ORDER BY position`,
        )
        .all(this.#parts.damagedAt ?? Number.MAX_SAFE_INTEGER)
        .map((row) => ({
          position: Number(row['position']),
          stream: String(row['stream']),
          sequence: Number(row['sequence']),
          epoch: Number(row['epoch']),
          body: String(row['text']),
        }));
    } catch {
      return []; // damaged beyond reading: `blocked` says so
    }
  }

  /** Asks the file, too: whoever was fenced off learns it before writing. */
  blocked(): string | undefined {
    const known = this.#closed ?? this.#parts.writer.blocked;
    if (known !== undefined) return known;
    try {
      const epoch = Number(this.#parts.own.prepare('SELECT epoch FROM fence').get()?.['epoch']);
      if (epoch !== this.#parts.epoch) this.#parts.writer.fenced(fenced);
      return this.#parts.writer.blocked;
    } catch (error) {
      return messageOf(error);
    }
  }

  probe(): string | undefined {
    const { writer } = this.#parts;
    const refusal = this.#closed ?? writer.blocked ?? writer.probe();
    if (refusal === fenced) writer.fenced(fenced);
    return refusal;
  }

  async query(query: EventQuery): Promise<QueryAnswer> {
    if (this.#closed !== undefined) return { kind: 'failed', message: this.#closed };
    return this.#parts.reader.query(query);
  }

  head(): SignedHead | undefined {
    return this.#parts.writer.head;
  }

  async prune(rules: RetentionRules, nowMs: number): Promise<PruneAnswer> {
    const blocked = this.blocked();
    return blocked === undefined ? this.#parts.writer.prune(rules, nowMs) : { kind: 'failed', message: blocked };
  }

  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = 'the store is closed';
    // The writer last: whoever closes last writes the log back into the file, and a reader cannot.
    await this.#parts.reader.end();
    this.#parts.own.close();
    await this.#parts.writer.end();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
