/** The lines of a log that is still written, each read and parsed once: whoever asks often takes no time from what is tested. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const newline = 0x0a;

export class JsonLog<Line> {
  readonly #path: string;
  readonly #lines: Line[] = [];
  /** Bytes of lines that are whole, and were read. */
  #read = 0;

  /** @param path must exist. */
  constructor(path: string) {
    this.#path = path;
  }

  /** All until now; a last line without its end is left for the next look, and what is no object is nobody's. */
  lines(): readonly Line[] {
    const more = bytesFrom(this.#path, this.#read);
    const whole = more.subarray(0, more.lastIndexOf(newline) + 1);
    this.#read += whole.length;
    for (const line of whole.toString().split('\n')) if (line.startsWith('{')) this.#lines.push(JSON.parse(line));
    return this.#lines;
  }
}

function bytesFrom(path: string, offset: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
  } finally {
    closeSync(file);
  }
}
