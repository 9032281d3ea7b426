/**
 * Keeps quarantines over restarts and replicas: in a sealed record, read before anything is pushed.
 *
 *   act ──▶ in force at once (look again) ──▶ written ──▶ answered        start ──▶ read ──▶ first look
 *   another replica's act ──▶ the record is another ──▶ read ──▶ in force
 *
 * To cut somebody off waits for no disk: what cannot be written is in force all the same, and whoever asked is told. To
 * release waits: what would come back after a restart has not ended. A record that cannot be read stops the start, since
 * nobody could say whom it would let in.
 * The surprise: what is in force is never kept as such. It is what the record said last, and upon it whatever was done
 * here that is not yet in the record; so an act that meets another replica's is done again upon that, and neither is lost.
 */
import type { SharedRecords } from '../identity/shared-records.ts';
import type { Quarantine } from '../model/quarantine.ts';
import { type BookStep, begin, emptyBook, hear, pass, type QuarantineBook, release } from './quarantine-book.ts';

export const quarantineRecord = 'quarantines';
/** How often one act is done anew because another replica was faster. */
const attemptsMax = 16;

export interface QuarantineKeeperPorts {
  readonly state: Pick<SharedRecords, 'read' | 'replace'>;
  nowMs(): number;
  /** Something is in force now that was not, or the other way round. */
  changed(): void;
  /** By the clock. Of many replicas one is told. */
  ended(quarantine: Quarantine): void;
  unwritten(cause: unknown): void;
}

export type KeptStep =
  | Exclude<BookStep, { kind: 'done' }>
  /** `unwritten`: it is in force, and would not survive a restart. */
  | { readonly kind: 'begun'; readonly quarantine: Quarantine; readonly unwritten: boolean };

export type ReleaseStep =
  | { readonly kind: 'released'; readonly quarantine: Quarantine }
  | { readonly kind: 'none' }
  | { readonly kind: 'unwritten' };

/** Upon whatever the book is by then. */
type Act = (book: QuarantineBook) => QuarantineBook;

export class QuarantineKeeper {
  readonly #ports: QuarantineKeeperPorts;
  /** As the record says. */
  #stored: QuarantineBook;
  /** Done here, and not yet in the record. Of what a full book takes, each at most once. */
  #unwritten: readonly Act[] = [];
  /** Both together. */
  #book: QuarantineBook;
  /** One write after another: the last that was asked for is the last on disk. */
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(ports: QuarantineKeeperPorts, book: QuarantineBook) {
    this.#ports = ports;
    this.#stored = book;
    this.#book = book;
  }

  /** @throws StateError where the record is damaged. */
  static async open(ports: QuarantineKeeperPorts): Promise<QuarantineKeeper> {
    const record = await ports.state.read(quarantineRecord);
    return new QuarantineKeeper(ports, record === undefined ? emptyBook : (record as QuarantineBook));
  }

  /** What is over by now is no longer among them. */
  standing(): readonly Quarantine[] {
    const nowMs = this.#ports.nowMs();
    const { book } = pass(this.#book, nowMs);
    if (book !== this.#book) {
      // Whoever asks is looking already.
      this.#settle(this.#stored, [...this.#unwritten, (each) => pass(each, nowMs).book], false);
      void this.#write();
    }
    return book.standing;
  }

  begin(quarantine: Quarantine): Promise<KeptStep> {
    this.standing();
    return this.#take((book) => begin(book, quarantine));
  }

  hear(alarm: { readonly id: string; readonly atMs: number }, quarantine: Quarantine): Promise<KeptStep> {
    this.standing();
    const nowMs = this.#ports.nowMs();
    return this.#take((book) => hear(book, alarm, quarantine, nowMs));
  }

  async release(spiffeId: string): Promise<ReleaseStep> {
    const quarantine = this.standing().find((each) => each.spiffeId === spiffeId);
    if (quarantine === undefined) return { kind: 'none' };
    if (!(await this.#write((book) => release(book, spiffeId) ?? book))) return { kind: 'unwritten' };
    return { kind: 'released', quarantine };
  }

  /**
   * Another replica has written the record, or somebody has taken it away: then what stands is written back.
   * @throws StateError where it cannot be read; what was in force stays so.
   */
  refresh(): Promise<void> {
    const read = this.#writing.then(() => this.#read());
    this.#writing = read.catch(() => undefined);
    return read.then(async () => {
      if (this.#unwritten.length > 0) await this.#write();
    });
  }

  async #take(step: (book: QuarantineBook) => BookStep): Promise<KeptStep> {
    const taken = step(this.#book);
    if (taken.kind === 'refused') return taken;
    const again: Act = (book) => bookAfter(step(book), book);
    if (taken.kind === 'nothing-new') {
      if (taken.book !== this.#book) await this.#do(again);
      return taken;
    }
    return { kind: 'begun', quarantine: taken.quarantine, unwritten: !(await this.#do(again)) };
  }

  /** In force from here on. @returns whether it was written. */
  #do(act: Act): Promise<boolean> {
    this.#settle(this.#stored, [...this.#unwritten, act]);
    return this.#write();
  }

  /** @param last is in force only once it is written. @returns whether all is. */
  #write(last?: Act): Promise<boolean> {
    const written = this.#writing.then(async () => {
      // The write before this one may have taken it along.
      if (last === undefined && this.#unwritten.length === 0) return true;
      try {
        for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
          if (await this.#replace(last)) return true;
          await this.#read();
        }
        throw new Error(`other replicas have written it ${attemptsMax} times meanwhile`);
      } catch (cause) {
        this.#ports.unwritten(cause);
        return false;
      }
    });
    this.#writing = written;
    return written;
  }

  async #replace(last: Act | undefined): Promise<boolean> {
    const before = this.#stored;
    const acts = this.#unwritten;
    const after = applied(before, last === undefined ? acts : [...acts, last]);
    if (!(await this.#ports.state.replace(quarantineRecord, after))) return false;
    const nowMs = this.#ports.nowMs();
    this.#settle(after, this.#unwritten.slice(acts.length));
    const stays = new Set(after.standing.map(({ spiffeId }) => spiffeId));
    for (const each of before.standing) if (each.untilMs <= nowMs && !stays.has(each.spiffeId)) this.#ports.ended(each);
    return true;
  }

  async #read(): Promise<void> {
    const record = await this.#ports.state.read(quarantineRecord);
    if (record !== undefined) return this.#settle(record as QuarantineBook, this.#unwritten);
    const stood = this.#stored;
    if (stood.standing.length > 0) this.#settle(emptyBook, [() => stood, ...this.#unwritten]);
  }

  #settle(stored: QuarantineBook, unwritten: readonly Act[], isNews = true): void {
    const before = this.#book.standing;
    this.#stored = stored;
    this.#unwritten = unwritten;
    this.#book = applied(stored, unwritten);
    if (isNews && JSON.stringify(before) !== JSON.stringify(this.#book.standing)) this.#ports.changed();
  }
}

function applied(book: QuarantineBook, acts: readonly Act[]): QuarantineBook {
  return acts.reduce((each, act) => act(each), book);
}

function bookAfter(step: BookStep, before: QuarantineBook): QuarantineBook {
  return step.kind === 'refused' ? before : step.book;
}
