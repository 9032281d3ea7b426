/** Records that a sink will never take, kept for whoever mends it: JSON lines, each with the reason and the record. */
import { LineWriter } from './line-writer.io.ts';
import { oneLine } from './one-line.ts';
import type { SinkRecord } from './sink.ts';

/** Largest file, in bytes. When it is full nothing more is put aside: the sink waits, and its lag grows in sight. */
const deadLetterBytesMax = 67_108_864;

export class DeadLetters {
  readonly #writer: LineWriter;
  readonly #bytesMax: number;

  constructor(path: string, bytesMax: number = deadLetterBytesMax) {
    this.#writer = new LineWriter(path);
    this.#bytesMax = bytesMax;
  }

  /** @throws where it cannot be kept. */
  async keep(record: SinkRecord, why: string): Promise<void> {
    const line = `{"why":${oneLine(why)},"record":${record.line}}`;
    if ((await this.#writer.size()) + line.length > this.#bytesMax)
      throw new Error(`${this.#writer.path} is full; see why records are refused, then move it away`);
    await this.#writer.append([line]);
  }

  close(): Promise<void> {
    return this.#writer.close();
  }
}
