/**
 * One look at a folder: the text of every `*.yaml` and `*.yml` below it.
 *
 * A folder is written by people and by tools, so a look may find anything: files that vanish while they are read,
 * links that lead out of it, pipes that never end. Each is one problem of one file, and the others are read.
 * Names that begin with a dot are skipped: editors and Kubernetes' own mounts keep their working copies there.
 */
import { constants, type Dirent } from 'node:fs';
import { open, readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Problem, ProblemCode } from '../model/problem.ts';
import type { FileReading, FolderReading } from './folder-state.ts';

/** Most files of one folder. A mesh of 10,000 workloads with a file each, and half as many again. */
const filesMax = 15_000;
/** Deepest folder inside the folder. */
const depthMax = 16;
/** Longest file, in bytes. */
const fileBytesMax = 4 * 1_024 * 1_024;
/** Bytes of all files together. */
const folderBytesMax = 128 * 1_024 * 1_024;
/** Files that are open at once. */
const openFilesMax = 16;

/** @returns a failure where the folder as a whole cannot be read or passes a bound. Never rejects. */
export async function readFolder(dir: string): Promise<FolderReading> {
  try {
    const root = await realpath(dir);
    const found = await listFiles(root);
    if (found.length > filesMax)
      return failed(`there are more than ${filesMax} files`, 'write more objects into each file');
    const files = new Map<string, FileReading>();
    let bytes = 0;
    const queue = found.values();
    const worker = async () => {
      for (const name of queue) {
        const reading = await readOne(root, name);
        if (reading?.kind === 'text') bytes += Buffer.byteLength(reading.text);
        if (bytes > folderBytesMax) return;
        if (reading !== undefined) files.set(name, reading);
      }
    };
    await Promise.all(Array.from({ length: openFilesMax }, worker));
    if (bytes > folderBytesMax)
      return failed(`the files have more than ${folderBytesMax} bytes`, 'use several folders');
    return { kind: 'read', files };
  } catch (error) {
    const code = codeOf(error);
    const advice = code === 'ENOTDIR' ? 'it is a file: name its folder' : 'check that it is there and may be read';
    return failed(`the folder cannot be read (${code})`, advice);
  }
}

async function listFiles(root: string): Promise<string[]> {
  const files: string[] = [];
  const folders = [{ path: root, depth: 0 }];
  for (let folder = folders.pop(); folder !== undefined && files.length <= filesMax; folder = folders.pop()) {
    for (const entry of await entriesOf(folder.path, root)) {
      const path = join(folder.path, entry.name);
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() && folder.depth < depthMax) folders.push({ path, depth: folder.depth + 1 });
      else if (/\.ya?ml$/.test(entry.name)) files.push(relative(root, path).split(sep).join('/'));
    }
  }
  return files.sort();
}

async function entriesOf(path: string, root: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    // A folder inside may vanish between the listing and the look into it; the root may not.
    if (path !== root && codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** @returns nothing for a file that is gone by now. */
async function readOne(root: string, name: string): Promise<FileReading | undefined> {
  try {
    const path = await realpath(join(root, name));
    if (!path.startsWith(root + sep)) {
      return unreadable(name, 'file-unreadable', 'the link leads out of the folder', 'copy the file into the folder');
    }
    // Without O_NONBLOCK a pipe with a good name would hold the look for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return unreadable(name, 'file-unreadable', 'it is no regular file', 'remove it or rename it');
      if (stat.size > fileBytesMax) return tooLarge(name);
      const buffer = Buffer.allocUnsafe(fileBytesMax < stat.size + 1 ? fileBytesMax : stat.size + 1);
      return decode(name, buffer.subarray(0, await fill(file, buffer)));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      // Bytes that are no UTF-8 were replaced when the name was listed, and nothing is called so.
      if (!name.includes('\ufffd')) return undefined;
      return unreadable(name, 'file-unreadable', 'its name is not UTF-8', 'rename it');
    }
    return unreadable(name, 'file-unreadable', `it cannot be read (${codeOf(error)})`, 'check who may read it');
  }
}

async function fill(file: Awaited<ReturnType<typeof open>>, buffer: Buffer): Promise<number> {
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
    if (bytesRead === 0) return filled;
    filled += bytesRead;
  }
}

function decode(name: string, bytes: Uint8Array): FileReading {
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return unreadable(name, 'yaml-syntax', 'it is not UTF-8', 'save it as UTF-8');
  }
}

function tooLarge(name: string): FileReading {
  return unreadable(name, 'file-too-large', `it is longer than ${fileBytesMax} bytes`, 'split it into several files');
}

function unreadable(file: string, code: ProblemCode, why: string, advice: string): FileReading {
  return { kind: 'unreadable', problem: problem(file, code, `the file was not read: ${why}`, advice) };
}

function failed(why: string, advice: string): FolderReading {
  return { kind: 'failed', problem: problem('', 'file-unreadable', why, advice) };
}

function problem(file: string, code: ProblemCode, message: string, advice: string): Problem {
  return { code, severity: 'error', where: { file, line: 1 }, path: '', message, advice };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
