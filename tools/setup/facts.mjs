/**
 * What this machine is, gathered once and judged elsewhere: platform.mjs and packages.mjs are pure functions of it.
 *
 * The cheap facts cost about a millisecond and are taken on every run; the dear ones (two child processes) only
 * when the cheap ones changed since the last run that found them, which is what `fingerprint` is for.
 *
 * @typedef {object} Facts
 * @property {string} platform as in `process.platform`
 * @property {string} arch as in `process.arch`
 * @property {string} nodeVersion such as `20.20.2`
 * @property {string | undefined} glibcVersion such as `2.36`; absent under musl and outside Linux
 * @property {number} uid
 * @property {string} osRelease text of /etc/os-release, empty where there is none
 * @property {ReadonlySet<string>} programs names found on the PATH, of those that packages.txt and the set-up ask for
 *
 * @typedef {object} DearFacts
 * @property {string | undefined} pipVersion version of pip of the first `python3` that has one
 * @property {string} python path of that python3, or the bare name
 * @property {'root' | 'user' | 'none'} namespaces how this user may make network namespaces
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Longest wait for one probing program, in ms: generous, since a cold python on a slow disk takes seconds. */
const probeTimeoutMs = 20_000;
/** Where Debian keeps programs for administrators, which the PATH of a plain user often lacks. */
const adminFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * @param {readonly string[]} wanted names of programs to look for
 * @returns {Facts}
 */
export function gatherFacts(wanted) {
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    glibcVersion: glibcVersion(),
    uid: process.getuid?.() ?? -1,
    osRelease: readOr('/etc/os-release', ''),
    programs: new Set(wanted.filter((name) => programPath(name) !== undefined)),
  };
}

/** @returns {Promise<DearFacts>} */
export async function gatherDearFacts() {
  const [pip, namespaces] = await Promise.all([findPip(), findNamespaces()]);
  return { ...pip, namespaces };
}

/**
 * @param {Facts} facts
 * @returns {string} the same for the same machine, user and programs
 */
export function fingerprint(facts) {
  const kernel = readOr('/proc/sys/kernel/osrelease', '') + readOr('/proc/sys/user/max_user_namespaces', '');
  return JSON.stringify([{ ...facts, programs: [...facts.programs].sort() }, kernel, process.env.PATH]);
}

/** The PATH of this process, with the folders that hold `ip` and `iptables` on Debian. */
export function wholePath() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, ...adminFolders.filter((folder) => !folders.includes(folder))];
}

/**
 * @param {string} name
 * @returns {string | undefined} where the program lies
 */
function programPath(name) {
  return wholePath()
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function glibcVersion() {
  if (process.platform !== 'linux') return undefined;
  // Without this the report resolves the name of every open socket, which can take seconds.
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime;
}

/** An older python3 of one's own may stand before the system's, and lack the pip that apt installs for the latter. */
async function findPip() {
  for (const python of ['python3', '/usr/bin/python3']) {
    const output = await probe(python, ['-m', 'pip', '--version']);
    const version = /^pip (\d+(?:\.\d+)+)/.exec(output ?? '')?.[1];
    if (version !== undefined) return { python, pipVersion: version };
  }
  return { python: 'python3', pipVersion: undefined };
}

/** Tries what the lab will do, rather than reading the settings that might forbid it. */
async function findNamespaces() {
  if ((await probe('unshare', ['--net', '--mount', 'true'])) !== undefined) return 'root';
  const asUser = ['--user', '--map-root-user', '--net', '--mount', 'true'];
  return (await probe('unshare', asUser)) === undefined ? 'none' : 'user';
}

/** @returns {Promise<string | undefined>} standard output, or nothing where the program failed or is missing */
function probe(program, args) {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: probeTimeoutMs }, (error, stdout) => resolve(error ? undefined : stdout));
  });
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
