/**
 * A lab's run directory: the one thing of a lab that lives outside its namespaces, seen at the same path on both sides.
 *
 *   coffre-lab-XXXXXX/          logs of every process
 *   coffre-lab-XXXXXX/private/  the agent's socket, and what a sidecar keeps from its application; confined processes see it empty
 *
 * The agent removes it when the lab ends; one that was killed could not, so every start removes what the dead have left.
 * A directory is dead when its owner is gone (pid and start time, since pids come round again) *and* nobody answers on
 * its socket; either sign alone could be wrong for a lab that is starting, or that lives in another pid namespace.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const prefix = 'coffre-lab-';

/** Longest directory under which a lab starts, in bytes: a Unix socket's path has 107, and names follow. */
const baseBytesMax = 24;

/** Longest wait for a socket that may be dead, in ms. */
const probeMs = 1_000;

/** Short even where TMPDIR is not. */
function baseDirectory(): string {
  return Buffer.byteLength(tmpdir()) <= baseBytesMax ? tmpdir() : '/tmp';
}

export function createRunDirectory(): string {
  const dir = mkdtempSync(join(baseDirectory(), prefix));
  mkdirSync(privateDirectory(dir), { mode: 0o700 });
  writeFileSync(ownerFile(dir), JSON.stringify({ pid: process.pid, startTime: startTime(process.pid) }));
  return dir;
}

export function privateDirectory(dir: string): string {
  return join(dir, 'private');
}

export function agentSocket(dir: string): string {
  return join(privateDirectory(dir), 'agent.sock');
}

/** The name by which the command line calls a lab. */
export function labName(dir: string): string {
  return basename(dir).slice(prefix.length);
}

/** Run directories of this user's labs that answer. */
export async function livingLabs(): Promise<readonly string[]> {
  const answers = await Promise.all(ownDirectories().map(async (dir) => ({ dir, lives: await answersOn(dir) })));
  return answers.filter(({ lives }) => lives).map(({ dir }) => dir);
}

/** Removes the run directories of labs whose owner is gone. */
export async function sweepDeadLabs(): Promise<void> {
  for (const dir of ownDirectories()) {
    if (!ownerLives(dir) && !(await answersOn(dir))) rmSync(dir, { recursive: true, force: true });
  }
}

function ownDirectories(): readonly string[] {
  return readdirSync(baseDirectory())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(baseDirectory(), name))
    .filter((dir) => statSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.());
}

function ownerFile(dir: string): string {
  return join(privateDirectory(dir), 'owner.json');
}

function ownerLives(dir: string): boolean {
  try {
    const owner: { pid: number; startTime: string } = JSON.parse(readFileSync(ownerFile(dir), 'utf8'));
    return startTime(owner.pid) === owner.startTime;
  } catch {
    return false;
  }
}

/** When a process began, in clock ticks since boot; throws if there is none. Source: proc(5), /proc/pid/stat field 22. */
function startTime(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name is in parentheses and may hold anything, parentheses too: count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[19] ?? '';
}

function answersOn(dir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(agentSocket(dir));
    const settle = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(probeMs, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
