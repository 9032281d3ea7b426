/**
 * The watches on a folder and every folder below it, renewed whenever a name leads to another folder than before.
 *
 * One watch a folder, and not Node's own recursive one: on Linux that watches every file by itself, and after a file was
 * replaced by renaming, as editors and tools do, it hears of that name no more (Node 24, test/folder).
 */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** Most folders that are watched. Beyond, changes are found by looking. */
const foldersMax = 4_096;

interface Watch {
  readonly watcher: FSWatcher;
  /** Device and inode. */
  readonly identity: string;
}

export class FolderWatches {
  readonly #root: string;
  readonly #ring: () => void;
  /** By path. */
  readonly #watches = new Map<string, Watch>();

  /** @param ring called for each event, whatever it says. */
  constructor(root: string, ring: () => void) {
    this.#root = root;
    this.#ring = ring;
  }

  /** To be called before each look: a folder is watched before it is read, so nothing falls between. @returns false where a change may go unheard. */
  async renew(): Promise<boolean> {
    try {
      const folders = await foldersOf(this.#root);
      for (const path of this.#watches.keys()) if (!folders.has(path)) this.#drop(path);
      if (folders.size > foldersMax) return false;
      for (const [path, identity] of folders) this.#ensure(path, identity);
      return true;
    } catch {
      // Gone, or the kernel has no watch left: the looks go on by the clock.
      this.close();
      return false;
    }
  }

  close(): void {
    for (const path of [...this.#watches.keys()]) this.#drop(path);
  }

  #ensure(path: string, identity: string): void {
    if (this.#watches.get(path)?.identity === identity) return;
    this.#drop(path);
    const watcher = watch(path, this.#ring);
    watcher.on('error', () => {
      if (this.#watches.get(path)?.watcher === watcher) this.#drop(path);
    });
    this.#watches.set(path, { watcher, identity });
  }

  #drop(path: string): void {
    this.#watches.get(path)?.watcher.close();
    this.#watches.delete(path);
  }
}

/** Every folder that a look goes into, with its identity. @throws where one has gone meanwhile. */
async function foldersOf(root: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  const seen = below.filter(
    (path) =>
      !relative(root, path)
        .split(sep)
        .some((name) => name.startsWith('.')),
  );
  const identities = await Promise.all([root, ...seen].map(async (path) => [path, await identityOf(path)] as const));
  return new Map(identities);
}

async function identityOf(path: string): Promise<string> {
  const { dev, ino } = await stat(path);
  return `${dev} ${ino}`;
}
