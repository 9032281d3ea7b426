/**
 * Reads a file that another process is still writing, from its beginning, as it grows.
 * The kernel tells of each write (inotify), also across namespaces, since the file is the same.
 */
import { closeSync, openSync, readSync, watch } from 'node:fs';

/** Bytes read at a time. */
const chunkBytes = 64 * 1024;

export interface Followed {
  /** Reads what is there now, then stops. Once the writer has ended, nothing is missed. */
  finish(): void;
}

/**
 * @param path must exist.
 * @param onChunk never called before this function has returned.
 */
export function followFile(path: string, onChunk: (chunk: Buffer) => void): Followed {
  const file = openSync(path, 'r');
  let open = true;
  const read = () => {
    while (open) {
      const chunk = Buffer.alloc(chunkBytes);
      const bytes = readSync(file, chunk);
      if (bytes === 0) return;
      onChunk(chunk.subarray(0, bytes));
    }
  };
  const watcher = watch(path, read);
  queueMicrotask(read);
  return {
    finish() {
      if (!open) return;
      read();
      watcher.close();
      open = false;
      closeSync(file);
    },
  };
}
