/**
 * The last good knowledge of a worker, sealed on disk, so that it can start and judge with the control plane gone.
 *
 * One write at a time; what changes meanwhile is written next. A record that was altered is refused, loudly, and the
 * worker waits for the control plane instead.
 */
import type { Entropy } from '../identity/ports.ts';
import { StateError } from '../identity/state-error.ts';
import { StateFolder } from '../identity/state-folder.io.ts';
import { fromRecord, type Knowledge, toRecord } from './knowledge.ts';

const record = 'knowledge';

/** Largest record, in bytes: programs of some 10,000 workloads. */
const recordBytesMax = 256 * 1024 * 1024;

export type Remembered =
  | { readonly kind: 'knowledge'; readonly knowledge: Knowledge }
  | { readonly kind: 'nothing' }
  /** There is a record, and it must not be believed. */
  | { readonly kind: 'refused'; readonly why: string };

export class KnowledgeKeeper {
  readonly #folder: StateFolder;
  readonly #failed: (cause: unknown) => void;
  #next: Knowledge | undefined;
  #writing: Promise<void> | undefined;

  private constructor(folder: StateFolder, failed: (cause: unknown) => void) {
    this.#folder = folder;
    this.#failed = failed;
  }

  /** @param failed told when the knowledge could not be written; judging goes on. @throws StateError for a folder that cannot be used. */
  static async open(path: string, entropy: Entropy, failed: (cause: unknown) => void): Promise<KnowledgeKeeper> {
    return new KnowledgeKeeper(await StateFolder.open(path, undefined, entropy, recordBytesMax), failed);
  }

  async recall(): Promise<Remembered> {
    try {
      const found = await this.#folder.read(record);
      if (found === undefined) return { kind: 'nothing' };
      const knowledge = fromRecord(found);
      return knowledge === undefined
        ? { kind: 'refused', why: 'the record is of another version' }
        : { kind: 'knowledge', knowledge };
    } catch (error) {
      if (error instanceof StateError) return { kind: 'refused', why: error.message };
      throw error;
    }
  }

  keep(knowledge: Knowledge): void {
    this.#next = knowledge;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when nothing waits to be written. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const knowledge = this.#next;
      this.#next = undefined;
      await this.#folder.write(record, toRecord(knowledge)).catch(this.#failed);
    }
  }
}
