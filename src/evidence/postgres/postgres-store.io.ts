/**
 * The store in a PostgreSQL that replicas share: each has its own chain there, and all see everything.
 *
 *   append, prune ──work──▶ writer's thread ──▶ chain of this replica ─┐
 *   appendDrill, probe ──urgent, waited for──▶ writer's thread         ├ coffre.* ◀── queries, over all chains
 *   other replicas ─────────────────────────▶ their chains            ─┘
 *
 * Never throws: a store that cannot be used says so by `blocked`, and whoever depends on it refuses. A server that is away
 * blocks nothing: what is asked meanwhile fails within seconds, and succeeds again once it is back.
 * The surprise: a drill belongs to no replica. The next record of a stream may be another replica's, and of two that
 * append to the same place the database takes one.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BlockedStore } from '../blocked-store.ts';
import type { ChainReport } from '../chain/chain-check.ts';
import { findingText } from '../chain/chain-finding.ts';
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
import { type PostgresAddress, parsePostgresAddress, placeOf } from './postgres-address.ts';
import {
  type DrillOutcome,
  fencedMessage,
  isOurs,
  type PostgresOpened,
  type PostgresThreadData,
} from './postgres-messages.ts';
import { drillName, PostgresReader } from './postgres-reader.io.ts';

/** Between two tries to read the chain from a server that went away, in ms. */
const checkPauseMs = 30_000;

/** Most drill records of which it is not known whether they are kept. More than one means that the server hangs. */
const doubtsMax = 1_000;

export interface PostgresStoreOptions {
  /** See postgres-address.ts. */
  readonly connectionString: string;
  /** Of all replicas of the store no two may have the same: at most 253 characters without a colon or white space. */
  readonly replica: string;
  /** Ed25519, private. */
  readonly signingKey: KeyObject;
  readonly clock: { nowMs(): number };
  /** Told once, after all of the chain was read beside the work: empty, or what is wrong with it. */
  onChecked?(findings: readonly string[], records: number): void;
}

export async function openPostgresStore(options: PostgresStoreOptions): Promise<EvidenceStore> {
  const { replica, signingKey, clock } = options;
  const publicKeyPem = createPublicKey(signingKey).export({ type: 'spki', format: 'pem' }).toString();
  const refuse = (message: string) => new BlockedStore(replica, publicKeyPem, message);
  const address = parsePostgresAddress(options.connectionString);
  if ('refused' in address) return refuse(`the shared store cannot be opened: ${address.refused}`);
  const place = placeOf(address);
  if (!/^[^:\s]{1,253}$/.test(replica)) return refuse(`${place}: \`${replica}\` is no name for a replica`);
  // That somebody else has the chain is known here as soon as the thread has heard of it.
  const fence = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const data: Omit<PostgresThreadData, 'work' | 'urgent'> = {
    address,
    replica,
    signingKey,
    nowMs: clock.nowMs(),
    fence,
  };
  const link: PostgresLink = new WriterLink({
    ...{ thread: writerThread, data },
    whyFenced: () => (Atomics.load(fence, 0) === isOurs ? undefined : fencedMessage),
  });
  const opening = await link.opening;
  if (opening.kind === 'opened') return new PostgresStore({ options, address, publicKeyPem, opening, link });
  await link.end();
  return refuse(`${place} cannot be opened (${opening.message}); mend it and restart the control plane`);
}

const writerThread = new URL('./postgres-writer-thread.io.ts', import.meta.url);

type PostgresLink = WriterLink<PostgresOpened, DrillOutcome>;

interface Parts {
  readonly options: PostgresStoreOptions;
  readonly address: PostgresAddress;
  readonly publicKeyPem: string;
  readonly opening: PostgresOpened;
  readonly link: PostgresLink;
}

class PostgresStore implements EvidenceStore {
  readonly replica: string;
  readonly publicKeyPem: string;
  readonly findings: readonly string[];
  readonly #link: PostgresLink;
  readonly #reader: PostgresReader;
  readonly #options: PostgresStoreOptions;
  readonly #doubted = new Set<string>();
  /** As they were found, and what this replica has added. */
  #drills: StoredDrill[];
  readonly #ending = new AbortController();
  #closed: string | undefined;

  constructor({ options, address, publicKeyPem, opening, link }: Parts) {
    this.replica = options.replica;
    this.publicKeyPem = publicKeyPem;
    this.findings = opening.findings.map((finding) => `${placeOf(address)}: ${finding}`);
    this.#link = link;
    this.#reader = new PostgresReader(address);
    this.#options = options;
    this.#drills = [...opening.drills];
    if (opening.blocked === undefined) void this.#check();
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
    return this.#link.append(drafts, this.#options.clock.nowMs());
  }

  appendDrill(stream: string, after: number, text: string, about: DrillAbout): DrillAppendAnswer {
    const blocked = this.blocked();
    if (blocked !== undefined) return { kind: blocked === fencedMessage ? 'fenced' : 'failed', message: blocked };
    const record = drillDraftOf(stream, after + 1, text, about);
    if ('refused' in record) return { kind: 'failed', message: record.refused };
    const name = `${after} ${stream}`;
    const doubted = this.#doubted.has(name);
    const reply = this.#link.appendDrill({ stream, after, text, record, doubted });
    const isInDoubt = 'mayBeKept' in reply && reply.mayBeKept;
    if (isInDoubt && this.#doubted.size < doubtsMax) this.#doubted.add(name);
    else if (reply.kind !== 'unanswered' && reply.kind !== 'failed') this.#doubted.delete(name);
    if (reply.kind !== 'appended')
      return { kind: reply.kind === 'unanswered' ? 'failed' : reply.kind, message: reply.message };
    const { sequence, position, epoch } = reply;
    this.#drills.push({ position, stream, sequence, epoch, body: text });
    return { kind: 'appended', sequence };
  }

  drillRecords(): readonly StoredDrill[] {
    return this.#closed === undefined ? [...this.#drills] : [];
  }

  blocked(): string | undefined {
    return this.#closed ?? this.#link.blocked;
  }

  probe(): string | undefined {
    return this.blocked() ?? this.#link.probe();
  }

  async query(query: EventQuery): Promise<QueryAnswer> {
    if (this.#closed !== undefined) return { kind: 'failed', message: this.#closed };
    return this.#reader.query(query);
  }

  head(): SignedHead | undefined {
    return this.#link.head;
  }

  async prune(rules: RetentionRules, nowMs: number): Promise<PruneAnswer> {
    const blocked = this.blocked();
    if (blocked !== undefined) return { kind: 'failed', message: blocked };
    const answer = await this.#link.prune(rules, nowMs);
    const places = await this.#reader.drillPlaces();
    if (places === undefined) return answer;
    this.#drills = this.#drills
      .filter((drill) => places.has(drillName(drill)))
      .map((drill) => (places.get(drillName(drill)) === true ? drill : { ...drill, body: '' }));
    return answer;
  }

  async close(): Promise<void> {
    if (this.#closed !== undefined) return;
    this.#closed = 'the store is closed';
    this.#ending.abort();
    await Promise.all([this.#reader.end(), this.#link.end()]);
  }

  /** Reads all of the own chain, once; again from the start where the server went away meanwhile. */
  async #check(): Promise<void> {
    const publicKey = createPublicKey(this.#options.signingKey);
    for (let report: ChainReport | undefined; report === undefined && this.#closed === undefined; ) {
      report = await this.#reader.check(this.replica, publicKey).catch(() => undefined);
      if (report === undefined) {
        await delay(checkPauseMs, undefined, { ref: false, signal: this.#ending.signal }).catch(() => undefined);
        continue;
      }
      const texts = report.findings.map(findingText);
      const [first] = texts;
      if (first !== undefined) this.#link.block(`the chain is damaged (${first}), so nothing more is written`);
      this.#options.onChecked?.(texts, report.records);
    }
  }
}
