/**
 * Lines at the end of a file, on disk before anybody is told so, whoever else moves the file away.
 *
 * A file that begins like anything but lines of JSON is somebody else's, such as a key or a database, and is left alone.
 * A line that was torn, by a full disk or a kill, is ended and never cut: a reader may stand behind it already, and one
 * line that is no JSON harms it less than bytes that change under it.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from './sink.ts';

/** Not a link that somebody laid there, and never waiting for the reader of a pipe. */
const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const fileMode = 0o600;

const newline = 0x0a;
const openingBrace = 0x7b;

export class LineWriter {
  readonly path: string;
  #file: FileHandle | undefined;
  /** The last byte of the file may be within a line. */
  #torn = false;

  constructor(path: string) {
    this.path = path;
  }

  /** Bytes of the file that stands at the path now; opens it where it is not ours any more. @throws where it cannot. */
  async size(): Promise<number> {
    const file = await this.#current();
    return (await file.stat()).size;
  }

  /** @throws where not all of it is on disk; some of it may be. */
  async append(lines: readonly string[]): Promise<void> {
    const file = await this.#current();
    const text = `${this.#torn ? '\n' : ''}${lines.map((line) => `${line}\n`).join('')}`;
    this.#torn = true;
    await file.appendFile(text);
    this.#torn = false;
    await file.datasync();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #current(): Promise<FileHandle> {
    if (this.#file !== undefined) {
      const [ours, there] = await Promise.all([this.#file.stat(), statOrNone(this.path)]);
      if (there !== undefined && ours.ino === there.ino && ours.dev === there.dev) return this.#file;
      await this.close();
    }
    const file = await open(this.path, flags, fileMode);
    try {
      const { size } = await regular(file, this.path);
      if (size > 0 && (await byteAt(file, 0)) !== openingBrace)
        throw new Error(`${this.path} holds something other than lines of JSON; move it away, or name another path`);
      this.#torn = size > 0 && (await byteAt(file, size - 1)) !== newline;
      await syncFolder(dirname(this.path));
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    return file;
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function regular(file: FileHandle, path: string): Promise<Stats> {
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error(`${path} is not a regular file`);
  return stats;
}

async function byteAt(file: FileHandle, position: number): Promise<number | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, position);
  return bytesRead === 1 ? buffer[0] : undefined;
}

async function statOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`${path} cannot be looked at: ${messageOf(error)}`);
  }
}
