/**
 * A step is done when the hash of its inputs is the one written down after its last success, and its output exists.
 * Stamps lie under .cache/stamps/, one file a step; removing .cache/ makes everything run again.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * @param {string} repo
 * @param {readonly string[]} paths files and folders, relative to the repository; a missing one counts as empty
 * @param {readonly string[]} words other inputs, such as versions
 * @returns {string}
 */
export function hashOf(repo, paths, words = []) {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const path of paths) {
    for (const file of filesUnder(repo, path)) {
      const bytes = readFileSync(join(repo, file));
      hash.update(`\0${file}\0${bytes.length}\0`).update(bytes);
    }
  }
  return hash.digest('hex');
}

/** @returns {string | undefined} what was written after the step's last success */
export function readStamp(repo, step) {
  const path = stampPath(repo, step);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export function writeStamp(repo, step, hash) {
  const path = stampPath(repo, step);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, hash);
}

/** Before a step begins: a step that dies half-way must not look done. */
export function removeStamp(repo, step) {
  rmSync(stampPath(repo, step), { force: true });
}

function stampPath(repo, step) {
  return join(repo, '.cache', 'stamps', step);
}

function filesUnder(repo, path) {
  const entries = listing(join(repo, path));
  if (entries === undefined) return existsSync(join(repo, path)) ? [path] : [];
  return entries.flatMap((name) => filesUnder(repo, join(path, name)));
}

function listing(folder) {
  try {
    return readdirSync(folder).sort();
  } catch {
    return undefined;
  }
}
