/**
 * A file that a command makes for its caller: with the caller's own rights, whole or not at all, and never over another.
 *
 *   temporary file beside it ──write, fsync──▶ link to the name, which fails where there is one ──▶ the temporary name goes
 */
import { randomUUID } from 'node:crypto';
import { link, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Less the umask: it holds nothing secret, and whoever reads the folder must read it. */
const fileMode = 0o666;

/** @returns false where there is something of that name, which is left as it is. Rejects with the system's error. */
export async function createFile(path: string, content: string): Promise<boolean> {
  // No folder of YAML is read by such a name.
  const temporary = join(dirname(path), `.new-${randomUUID()}`);
  const file = await open(temporary, 'wx', fileMode);
  try {
    await file.writeFile(content);
    await file.sync();
    await link(temporary, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await file.close();
    await unlink(temporary);
  }
}
