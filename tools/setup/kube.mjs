/**
 * The real Kubernetes of the tests, built from its own sources: only with `--kube`, since a cold build takes minutes.
 *
 *   tools/kube/{etcd,kubernetes,helm}/go.mod, go.sum ──go build──▶ .cache/kube/{etcd,kube-apiserver,…} ──asked for its version
 *
 * It has a lock of its own, so that nobody's `npm test` waits for it. Where it cannot be had that is one line: the tests
 * that need it are skipped by name.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { findGo } from './go.mjs';
import { takeLock } from './lock.mjs';
import { runQuietly } from './run-quietly.mjs';
import { hashOf, readStamp, removeStamp, writeStamp } from './stamp.mjs';

/** Longest build of one program, in ms: the API server takes five minutes on two cores that are free, cold. */
const buildTimeoutMs = 1_800_000;
/** Longest wait for a program to tell its version, in ms. */
const probeTimeoutMs = 20_000;
/** Where they lie, from the root of the repository. */
const folder = '.cache/kube';

const kubernetes = { module: 'tools/kube/kubernetes', pinned: 'k8s.io/kubernetes' };
const programs = [
  { name: 'etcd', module: 'tools/kube/etcd', pinned: 'go.etcd.io/etcd/server/v3', main: 'go.etcd.io/etcd/server/v3' },
  { name: 'kubectl', ...kubernetes, main: 'k8s.io/kubernetes/cmd/kubectl', asks: ['version', '--client'] },
  { name: 'kube-apiserver', ...kubernetes, main: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  { name: 'kube-controller-manager', ...kubernetes, main: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  {
    name: 'helm',
    ...{ module: 'tools/kube/helm', pinned: 'helm.sh/helm/v4', main: 'helm.sh/helm/v4/cmd/helm' },
    asks: ['version'],
  },
];

/**
 * @param {string} repo
 * @param {ReturnType<typeof import('./progress.mjs').createProgress>} progress
 */
export async function setUpKube(repo, progress) {
  if (programs.every((program) => isFresh(repo, program))) return;
  mkdirSync(join(repo, folder), { recursive: true });
  const release = await takeLock(
    repo,
    (pid) => progress.line(`waiting for another build of Kubernetes (process ${pid})`),
    'kube.lock',
  );
  try {
    const go = await findGo(repo);
    const why = go.kind === 'none' ? go.why : await buildAll(repo, go.path, progress);
    if (why !== undefined) {
      progress.failure(`note: there is no Kubernetes to test with, and its tests will be skipped: ${why}`);
    }
  } finally {
    release();
  }
}

/** @returns {Promise<string | undefined>} what went wrong */
async function buildAll(repo, go, progress) {
  for (const program of programs) {
    if (isFresh(repo, program)) continue;
    removeStamp(repo, stampOf(program));
    const why = await progress.step(`${program.name} ${versionOf(repo, program)}, from source`, () =>
      build(repo, go, program),
    );
    if (why !== undefined) return why;
    writeStamp(repo, stampOf(program), inputsOf(repo, program));
  }
  return undefined;
}

/** @returns {Promise<string | undefined>} what went wrong */
async function build(repo, go, program) {
  const version = versionOf(repo, program);
  const [major, minor] = version.slice(1).split('.');
  const component = 'k8s.io/component-base/version';
  const stamped = {
    ...{ [`${component}.gitVersion`]: version, [`${component}.gitMajor`]: major, [`${component}.gitMinor`]: minor },
    // Who has no such variable is not told: the linker passes over what it does not find.
    'helm.sh/helm/v4/internal/version.version': version,
  };
  const variables = Object.entries(stamped).map(([name, value]) => `-X ${name}=${value}`);
  const fresh = join(repo, folder, `${program.name}.new`);
  const outcome = await runQuietly(
    go,
    ['build', '-trimpath', '-ldflags', ['-s', '-w', ...variables].join(' '), '-o', fresh, program.main],
    {
      cwd: join(repo, program.module),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
      timeoutMs: buildTimeoutMs,
    },
  );
  if (outcome.kind === 'failed') return `\`${program.name}\` could not be built\n${outcome.tail}`;
  const told = await ask(fresh, program.asks ?? ['--version']);
  if (!told.includes(version.slice(1))) return `\`${program.name}\` is not ${version} but says: ${told}`;
  // By renaming, because one that is running keeps its binary.
  renameSync(fresh, join(repo, folder, program.name));
  return undefined;
}

function isFresh(repo, program) {
  return existsSync(join(repo, folder, program.name)) && readStamp(repo, stampOf(program)) === inputsOf(repo, program);
}

function stampOf({ name }) {
  return `kube-${name}`;
}

function inputsOf(repo, { name, module }) {
  return hashOf(repo, [`${module}/go.mod`, `${module}/go.sum`], [name, process.arch]);
}

/** The version that the module pins: Go names it in its own line, or in a block. */
function versionOf(repo, { module, pinned }) {
  const text = readFileSync(join(repo, module, 'go.mod'), 'utf8');
  const version = text
    .split('\n')
    .map((line) =>
      line
        .replace(/^require /, '')
        .trim()
        .split(/\s+/),
    )
    .find(([path]) => path === pinned)?.[1];
  if (version === undefined) throw new Error(`\`${module}/go.mod\` does not name \`${pinned}\``);
  return version;
}

/** @returns {Promise<string>} what the program says, or why it could not */
function ask(program, args) {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: probeTimeoutMs }, (error, stdout) => resolve(error ? error.message : stdout));
  });
}
