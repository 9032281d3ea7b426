/**
 * The one that writes a replica's chain in PostgreSQL: chains records, signs a head over each commit, answers when both are committed.
 *
 *   epoch (row locked) ──▶ tip ──▶ records ──▶ head ──▶ COMMIT ──▶ acknowledged
 *
 * The surprise: a commit whose answer was lost may have happened. Its end of the chain is remembered, and whichever of the
 * two ends the database shows next time is believed; any other is another hand's. Whoever was told that it failed tries
 * again with the same ids, and nothing is kept twice.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { bodyDigestOf, chainStart, digestOf, linkOf, nonceBytes } from '../chain/chain.ts';
import { signHead } from '../chain/head.ts';
import { draftOf, type RecordDraft } from '../chain/record-draft.ts';
import type { StoreEvent } from '../event.ts';
import type { DrillDraft, WriterOptions as SqliteWriterOptions } from '../sqlite/sqlite-writer.io.ts';
import type { AppendAnswer, SignedHead } from '../store.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { type DrillOutcome, fencedMessage } from './postgres-messages.ts';
import { fenceChannel, type OpenedChain, openChain, takePen } from './postgres-open.io.ts';
import { type ChainEnd, type ChainedRecord, endOf, insertRecords, newestOf } from './postgres-records.io.ts';
import { CommitInDoubt, messageOf, type Query, Session, sqlState } from './postgres-session.io.ts';

/** Longest that one statement of the writer may take, in ms. */
const statementMs = 2_000;

/** How often a commit is tried that meets another replica's record of the same id. */
const triesMax = 3;

/** What the server says of a second record with the same name, and of a disk without room. */
const uniqueViolation = '23505';
const diskFull = '53100';

export interface PostgresWriterOptions extends Pick<SqliteWriterOptions, 'replica' | 'signingKey' | 'nowMs'> {
  readonly address: PostgresAddress;
  /** Another control plane has the chain now. Called at most once. */
  fenced(): void;
}

type Refusal =
  | Extract<AppendAnswer, { kind: 'blocked' }>
  | (Extract<AppendAnswer, { kind: 'failed' }> & {
      /** As the server names it, where it named anything. */
      readonly state?: string | undefined;
      /** It may have been committed. */
      readonly inDoubt?: boolean;
    });

export class PostgresWriter {
  /** Why it writes no more. */
  blocked: string | undefined;
  readonly #options: PostgresWriterOptions;
  readonly #session: Session;
  #epoch = 0;
  /** As it was last seen, or committed. */
  #end: ChainEnd;
  /** As it will be once the transaction is committed that is open. */
  #next: ChainEnd;
  /** Where the chain ends if the commit happened whose answer was lost. */
  #doubted: ChainEnd | undefined;

  private constructor(options: PostgresWriterOptions) {
    this.#options = options;
    this.#end = { position: 0, link: chainStart(options.replica), head: undefined };
    this.#next = this.#end;
    this.#session = new Session({
      address: options.address,
      statementMs,
      begin: (query) => this.#begin(query),
      notified: (payload) => this.#heard(payload),
    });
  }

  /** @throws where the server is not there, or the chain is not ours to write. */
  static async open(options: PostgresWriterOptions): Promise<{ writer: PostgresWriter; opened: OpenedChain }> {
    const writer = new PostgresWriter(options);
    try {
      const opened = await openChain(writer.#session, options.replica, options.signingKey);
      writer.#epoch = opened.epoch;
      writer.#end = await writer.#session.transaction((query) => endOf(query, options.replica));
      writer.blocked ??= opened.damage;
      if (writer.blocked !== undefined) return { writer, opened };
      const told = await writer.transact(async (query) => {
        await writer.tell(query, { atMs: options.nowMs, what: 'opened', text: `epoch ${opened.epoch}` });
        return { kind: 'written' as const };
      });
      if (told.kind === 'written') return { writer, opened };
      const finding = `the opening could not be recorded (${told.message})`;
      return { writer, opened: { ...opened, findings: [...opened.findings, finding] } };
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  get head(): SignedHead | undefined {
    return this.#end.head;
  }

  get signing(): Pick<PostgresWriterOptions, 'replica' | 'signingKey'> {
    return this.#options;
  }

  /** All groups in one transaction under one head; an answer for each. */
  async commit(groups: readonly (readonly RecordDraft[])[], atMs: number): Promise<readonly AppendAnswer[]> {
    for (let tries = 1; ; tries += 1) {
      const outcome = await this.transact(async (query) => {
        const skipped = await this.#addNew(query, groups);
        await this.#sign(query, atMs);
        return { kind: 'written' as const, skipped };
      });
      if (outcome.kind === 'written') {
        const { head } = this.#end;
        if (head === undefined)
          return groups.map(() => ({ kind: 'failed', full: false, message: 'there is no record' }));
        return outcome.skipped.map((skipped) => ({ kind: 'kept', head, skipped }));
      }
      if (outcome.kind !== 'failed' || outcome.state !== uniqueViolation || tries >= triesMax)
        return groups.map(() => answerOf(outcome));
    }
  }

  /** @param mayCommit asked once, right before the commit: false, and nothing was written. */
  async appendDrill(drill: DrillDraft, mayCommit: () => boolean): Promise<DrillOutcome> {
    const { stream, after, record } = drill;
    const sequence = after + 1;
    const outcome = await this.transact(async (query) => {
      const newest = await newestOf(query, stream);
      const epoch = this.#epoch;
      if (drill.doubted && newest.sequence === sequence && newest.text === drill.text)
        return { kind: 'written' as const, position: newest.position, epoch: newest.epoch };
      if (newest.sequence !== after) {
        const message = `\`${stream}\` is at record ${newest.sequence} and was expected at ${after}`;
        return { kind: 'conflict' as const, message };
      }
      await this.#add(query, [record]);
      await this.#sign(query, record.meta.atMs);
      return { kind: 'written' as const, position: this.#next.position, epoch };
    }, mayCommit);
    switch (outcome.kind) {
      case 'written':
        return { kind: 'appended', sequence, position: outcome.position, epoch: outcome.epoch };
      case 'conflict':
        return { ...outcome, mayBeKept: false };
      case 'blocked':
        return {
          kind: outcome.message === fencedMessage ? 'fenced' : 'failed',
          message: outcome.message,
          mayBeKept: false,
        };
      case 'failed': {
        const isTaken = outcome.state === uniqueViolation; // another replica was faster by a moment
        return { kind: isTaken ? 'conflict' : 'failed', message: outcome.message, mayBeKept: outcome.inDoubt === true };
      }
    }
  }

  /** Tries a write that changes nothing, and that reaches the server's disk all the same. @returns why it would not be kept. */
  async probe(): Promise<string | undefined> {
    const outcome = await this.transact(async (query) => {
      await query('UPDATE coffre.replica SET epoch = epoch WHERE name = $1', [this.#options.replica]);
      return { kind: 'written' as const };
    });
    return outcome.kind === 'written' ? undefined : outcome.message;
  }

  async close(): Promise<void> {
    this.blocked ??= 'the store is closed';
    await this.#session.end();
  }

  /**
   * Commits what `act` did if it says `written`; takes it back otherwise. The end of the chain is as before if it did not
   * happen. Nothing is thrown.
   */
  async transact<T extends { readonly kind: string }>(
    act: (query: Query) => Promise<T>,
    mayCommit: () => boolean = () => true,
  ): Promise<T | Refusal> {
    if (this.blocked !== undefined) return { kind: 'blocked', message: this.blocked };
    let isGivenUp = false;
    const keeps = ({ kind }: T | Refusal) => {
      isGivenUp = kind === 'written' && !mayCommit();
      return kind === 'written' && !isGivenUp;
    };
    try {
      const outcome = await this.#session.transaction(
        async (query): Promise<T | Refusal> => (await this.#refusal(query)) ?? act(query),
        { keeps },
      );
      if (isGivenUp) return { kind: 'failed', full: false, message: 'nobody waits for it any more' };
      if (outcome.kind === 'written') this.#end = this.#next;
      return outcome;
    } catch (error) {
      const state = sqlState(error);
      const inDoubt = error instanceof CommitInDoubt;
      if (inDoubt) this.#doubted = this.#next;
      return { kind: 'failed', full: state === diskFull, message: messageOf(error), state, inDoubt };
    }
  }

  /** Adds an event of the store's own, within a transaction. */
  async tell(query: Query, event: Omit<StoreEvent, 'kind' | 'id' | 'tenant'>): Promise<void> {
    const draft = draftOf({ kind: 'store', id: randomUUID(), tenant: 'coffre-system', ...event });
    if ('refused' in draft) throw new Error(draft.refused);
    await this.#add(query, [draft]);
    await this.#sign(query, event.atMs);
  }

  /** On each connection: to be told of another, and to be waited for by it. */
  async #begin(query: Query): Promise<void> {
    await query(`LISTEN ${fenceChannel}`);
    if (this.#epoch > 0) await takePen(query, this.#options.replica);
  }

  /** @param payload epoch and replica that somebody opened. */
  #heard(payload: string): void {
    const [, epoch, replica] = /^(\d+) (.*)$/s.exec(payload) ?? [];
    if (replica !== this.#options.replica || this.#epoch === 0 || Number(epoch) <= this.#epoch) return;
    this.#fence();
    this.#session.drop(); // and with it the lock that the other one waits for
  }

  #fence(): void {
    if (this.blocked !== undefined) return;
    this.blocked = fencedMessage;
    this.#options.fenced();
  }

  /** Why this writer may not write now. Until the transaction ends nobody else can take the chain. */
  async #refusal(query: Query): Promise<Refusal | undefined> {
    const { replica } = this.#options;
    const [row] = await query('SELECT epoch FROM coffre.replica WHERE name = $1 FOR UPDATE', [replica]);
    if (Number(row?.['epoch']) !== this.#epoch) {
      this.#fence();
      return { kind: 'blocked', message: fencedMessage };
    }
    const there = await endOf(query, replica);
    const known = [this.#end, this.#doubted].find(
      (end) => end?.position === there.position && end.link.equals(there.link),
    );
    if (known === undefined)
      return { kind: 'failed', full: false, message: 'the chain in the database is not as this process left it' };
    this.#end = known;
    this.#next = known;
    this.#doubted = undefined;
    return undefined;
  }

  /** @returns for each group how many of its records were left out: another has that id. */
  async #addNew(query: Query, groups: readonly (readonly RecordDraft[])[]): Promise<readonly number[]> {
    const ids = groups.flat().map(({ meta }) => meta.id);
    const rows = await query('SELECT id FROM coffre.record WHERE id = ANY($1)', [ids]);
    const there = new Set(rows.map(({ id }) => id));
    const fresh = groups.map((drafts) =>
      drafts.filter(({ meta: { id } }) => {
        const isNew = !there.has(id);
        there.add(id);
        return isNew;
      }),
    );
    await this.#add(query, fresh.flat());
    return groups.map((drafts, at) => drafts.length - (fresh[at]?.length ?? 0));
  }

  async #add(query: Query, drafts: readonly RecordDraft[]): Promise<void> {
    const chained = drafts.map((draft) => this.#chained(draft));
    if (chained.length > 0) await insertRecords(query, this.#options.replica, chained);
  }

  #chained({ meta: known, body }: RecordDraft): ChainedRecord {
    const nonce = randomBytes(nonceBytes);
    const bodyDigest = bodyDigestOf(nonce, body);
    const meta = { ...known, epoch: this.#epoch };
    const position = this.#next.position + 1;
    const link = linkOf(this.#next.link, position, digestOf(meta, bodyDigest));
    this.#next = { ...this.#next, position, link };
    return { meta, position, bodyDigest, nonce, body, link };
  }

  /** Over the end, if it is under no head yet. */
  async #sign(query: Query, atMs: number): Promise<void> {
    const { position, link } = this.#next;
    if (position === (this.#next.head?.position ?? 0)) return;
    const { replica, signingKey } = this.#options;
    const head = signHead(signingKey, 'head', { replica, position, hash: link.toString('hex'), atMs });
    await query('SELECT coffre.keep_head($1, $2, $3, $4, $5)', [replica, position, head.hash, atMs, head.signature]);
    this.#next = { position, link, head };
  }
}

function answerOf(refusal: Refusal): AppendAnswer {
  if (refusal.kind === 'blocked') return { kind: 'blocked', message: refusal.message };
  return { kind: 'failed', full: refusal.full, message: refusal.message };
}
