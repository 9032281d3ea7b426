/**
 * JSON lines in a file, rotated by size: `events.jsonl` is written, `events.jsonl.1` is the newest that was.
 *
 * A rotation is a rename between two batches, so a reader that holds the file open reads on to its end. What is kept is
 * bounded; a reader that is slower than `keep` files of `rotateBytes` finds the oldest gone.
 */
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LineWriter, syncFolder } from './line-writer.io.ts';
import { type Delivery, delivered, retry, type Sink, type SinkRecord } from './sink.ts';

export interface FileSinkRules {
  readonly path: string;
  /** In bytes. A batch is not divided, so a file may be larger by one. */
  readonly rotateBytes: number;
  /** Rotated files; with 0 a full file is removed. */
  readonly keep: number;
}

export class FileSink implements Sink {
  readonly #rules: FileSinkRules;
  readonly #writer: LineWriter;

  constructor(rules: FileSinkRules) {
    this.#rules = rules;
    this.#writer = new LineWriter(rules.path);
  }

  async deliver(batch: readonly SinkRecord[]): Promise<Delivery> {
    try {
      const lines = batch.map(({ line }) => line);
      // Lines are ASCII: a character is a byte, and each line has its end.
      const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0);
      const size = await this.#writer.size();
      if (size > 0 && size + bytes > this.#rules.rotateBytes) await this.#rotate();
      await this.#writer.append(lines);
      return delivered;
    } catch (error) {
      return retry(error);
    }
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#rules;
    await this.#writer.close();
    const names = [path, ...Array.from({ length: keep }, (_, index) => `${path}.${index + 1}`)];
    for (const [older, name] of names.map((name, index) => [names[index + 1], name] as const).reverse()) {
      if (older === undefined) await rm(name, { force: true });
      else await renameIfThere(name, older);
    }
    await syncFolder(dirname(path));
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
