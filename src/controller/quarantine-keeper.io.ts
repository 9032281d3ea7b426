/**
 * Keeps quarantines over restarts: sealed in the state folder, read before anything is pushed.
 *
 *   act ──▶ book ──▶ in force at once (look again) ──▶ written ──▶ answered        start ──▶ read ──▶ first look
 *
 * To cut somebody off waits for no disk: what cannot be written is in force all the same, and whoever asked is told. To
 * release waits: what would come back after a restart has not ended. A record that cannot be read stops the start, since
 * nobody could say whom it would let in.
 */
import type { StateFolder } from '../identity/state-folder.io.ts';
import type { Quarantine } from '../model/quarantine.ts';
import { type BookStep, begin, emptyBook, hear, pass, type QuarantineBook, release } from './quarantine-book.ts';

/** In the state folder. */
const recordName = 'quarantines';
/** Largest record that is read, in bytes: full books of quarantines and alarms with the longest texts. */
export const quarantineRecordBytesMax = 4_194_304;

export interface QuarantineKeeperPorts {
  readonly state: Pick<StateFolder, 'read' | 'write'>;
  nowMs(): number;
  /** Something is in force now that was not, or the other way round. */
  changed(): void;
  /** By the clock. */
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

export class QuarantineKeeper {
  readonly #ports: QuarantineKeeperPorts;
  #book: QuarantineBook;
  /** One write after another: the last that was asked for is the last on disk. */
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(ports: QuarantineKeeperPorts, book: QuarantineBook) {
    this.#ports = ports;
    this.#book = book;
  }

  /** @throws StateError where the record is damaged. */
  static async open(ports: QuarantineKeeperPorts): Promise<QuarantineKeeper> {
    const record = await ports.state.read(recordName);
    return new QuarantineKeeper(ports, record === undefined ? emptyBook : (record as QuarantineBook));
  }

  /** What is over by now is no longer among them. */
  standing(): readonly Quarantine[] {
    const { book, ended } = pass(this.#book, this.#ports.nowMs());
    if (book === this.#book) return book.standing;
    this.#book = book;
    void this.#write();
    for (const each of ended) this.#ports.ended(each);
    return book.standing;
  }

  begin(quarantine: Quarantine): Promise<KeptStep> {
    this.standing();
    return this.#take(begin(this.#book, quarantine));
  }

  hear(alarm: { readonly id: string; readonly atMs: number }, quarantine: Quarantine): Promise<KeptStep> {
    this.standing();
    return this.#take(hear(this.#book, alarm, quarantine, this.#ports.nowMs()));
  }

  async release(spiffeId: string): Promise<ReleaseStep> {
    const quarantine = this.standing().find((each) => each.spiffeId === spiffeId);
    const book = release(this.#book, spiffeId);
    if (quarantine === undefined || book === undefined) return { kind: 'none' };
    if (!(await this.#write(() => release(this.#book, spiffeId) ?? this.#book))) return { kind: 'unwritten' };
    this.#book = release(this.#book, spiffeId) ?? this.#book;
    this.#ports.changed();
    return { kind: 'released', quarantine };
  }

  async #take(step: BookStep): Promise<KeptStep> {
    if (step.kind === 'refused') return step;
    const isSame = this.#book === step.book;
    this.#book = step.book;
    if (step.kind === 'nothing-new') {
      if (!isSame) await this.#write();
      return step;
    }
    this.#ports.changed();
    return { kind: 'begun', quarantine: step.quarantine, unwritten: !(await this.#write()) };
  }

  /** @returns whether it is on disk. */
  #write(next: () => QuarantineBook = () => this.#book): Promise<boolean> {
    const written = this.#writing.then(async () => {
      try {
        await this.#ports.state.write(recordName, next());
        return true;
      } catch (cause) {
        this.#ports.unwritten(cause);
        return false;
      }
    });
    this.#writing = written;
    return written;
  }
}
