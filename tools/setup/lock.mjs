/**
 * One set-up at a time in one checkout, and none waits for a dead one.
 *
 *   .cache/setup.lock/ ── one file, named by its owner: `<pid>-<start time>`
 *
 * The folder comes into being by renaming a prepared one, so a lock never exists without its owner's name, and
 * rename refuses a target that is not empty. A stale lock is taken over by unlinking the *dead owner's* file, by
 * name, and then renaming as usual: of two that try at once, one loses the rename and waits again. The start time
 * keeps a recycled process id from looking alive.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Pause between two looks at a lock that another set-up holds, in ms. */
const pollMs = 200;
/** Longest wait for another set-up, in ms: longer than a cold one takes on a slow line. */
const waitMaxMs = 1_200_000;

/**
 * @param {string} repo
 * @param {(pid: string) => void} onWait told once, when another set-up is at work
 * @param {string} name of the lock under .cache
 * @returns {Promise<() => void>} gives the lock back
 */
export async function takeLock(repo, onWait, name = 'setup.lock') {
  const lock = join(repo, '.cache', name);
  const me = `${process.pid}-${startTimeOf(process.pid)}`;
  const deadline = Date.now() + waitMaxMs;
  for (let told = false; ; ) {
    if (tryTake(lock, me)) return () => release(lock, me);
    const owner = ownerOf(lock);
    if (owner !== undefined && !isAlive(owner)) rmSync(join(lock, owner), { force: true });
    else {
      if (owner !== undefined && !told) {
        onWait(owner.split('-')[0]);
        told = true;
      }
      if (Date.now() > deadline) {
        throw new Error(
          `another set-up (process ${owner?.split('-')[0]}) holds \`${lock}\` for too long: end it and try again`,
        );
      }
      await sleep(pollMs);
    }
  }
}

function tryTake(lock, me) {
  const prepared = `${lock}.${me}`;
  mkdirSync(prepared, { recursive: true });
  writeFileSync(join(prepared, me), '');
  try {
    renameSync(prepared, lock);
    return true;
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    if (error.code === 'ENOTEMPTY' || error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes our name first: the empty folder that may stay behind is a free lock. */
function release(lock, me) {
  rmSync(join(lock, me), { force: true });
}

function ownerOf(lock) {
  try {
    return readdirSync(lock)[0];
  } catch {
    return undefined;
  }
}

function isAlive(owner) {
  const [pid, startTime] = owner.split('-');
  return startTimeOf(pid) === startTime;
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot; the program's name before it may hold spaces and brackets. */
function startTimeOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return 'gone';
  }
}
