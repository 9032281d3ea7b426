/**
 * The set-up without a word: whatever is missing is made, then the script runs on Node 24.
 *
 *   node tools/setup/main.mjs [--quiet] [--kube] [-- script.ts args…]
 *
 *   facts ──▶ problems? ──▶ system packages ──▶ npm ci ──▶ protobuf code ──▶ Envoy ──▶ node_modules/.bin/node script.ts
 *
 * With `--kube` also the Kubernetes of the tests, built from source: see kube.mjs.
 *
 * Plain JavaScript with nothing but Node's own modules, since it runs before anything is installed. A run that finds
 * every stamp in place takes no lock, starts no program and says nothing.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { envoyStep } from './envoy.mjs';
import { fingerprint, gatherDearFacts, gatherFacts, wholePath } from './facts.mjs';
import { protosStep } from './generate.mjs';
import { setUpKube } from './kube.mjs';
import { takeLock } from './lock.mjs';
import { npmStep } from './npm.mjs';
import {
  canInstall,
  installPackages,
  missingPackages,
  packageProblems,
  parsePackages,
  programsOf,
} from './packages.mjs';
import { namespaceProblems, platformProblems } from './platform.mjs';
import { SetupError, sentence } from './problem.mjs';
import { createProgress } from './progress.mjs';
import { runScript } from './run-script.mjs';
import { readStamp, removeStamp, writeStamp } from './stamp.mjs';

/** In order: Node 24 comes with npm's packages, and generates the protobuf code. */
const steps = [npmStep, protosStep, envoyStep];
const repo = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * @param {readonly string[]} argv
 * @returns {{ quiet: boolean, kube: boolean, command: readonly string[] }}
 */
function parseArguments(argv) {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const unknown = own.find((argument) => argument !== '--quiet' && argument !== '--kube');
  if (unknown !== undefined) {
    throw new Error(
      `\`${unknown}\` is not an option of the set-up; usage: node tools/setup/main.mjs [--quiet] [--kube] [-- script.ts args…]`,
    );
  }
  return {
    quiet: own.includes('--quiet'),
    kube: own.includes('--kube'),
    command: end < 0 ? [] : argv.slice(end + 1),
  };
}

async function setUp(progress) {
  const list = parsePackages(readFileSync(join(repo, 'tools/setup/packages.txt'), 'utf8'));
  const wanted = [...programsOf(list), 'apt-get', 'npm'];
  const look = () => gatherFacts(wanted);

  const facts = look();
  stopAt(platformProblems(facts));
  if (readStamp(repo, 'machine') === fingerprint(facts) && steps.every(isFresh)) return;

  mkdirSync(join(repo, '.cache'), { recursive: true });
  const release = await takeLock(repo, (pid) => progress.line(`waiting for another set-up (process ${pid})`));
  try {
    // The one we waited for may have done everything, so each step looks again.
    const dear = await machineStep(list, look, progress);
    for (const step of steps) {
      if (isFresh(step)) continue;
      removeStamp(repo, step.name);
      await progress.step(step.title, () => step.run(repo, dear));
      writeStamp(repo, step.name, step.inputs(repo));
    }
  } finally {
    release();
  }
}

/** System packages, and what only probing can tell. Its stamp is the machine's fingerprint, taken after the installs. */
async function machineStep(list, look, progress) {
  let facts = look();
  let dear = await gatherDearFacts();
  let missing = missingPackages(list, facts, dear);
  let cause;
  if (missing.length > 0 && canInstall(facts)) {
    const names = missing.map(({ name }) => name).join(', ');
    cause = await progress.step(`system packages ${names}`, () => installPackages(missing));
    [facts, dear] = [look(), await gatherDearFacts()];
    missing = missingPackages(list, facts, dear);
  }
  const problems = [...packageProblems(missing, facts, dear), ...namespaceProblems(dear.namespaces)];
  if (cause !== undefined && missing.length > 0) progress.failure(`apt-get failed\n${cause}`);
  stopAt(problems);
  for (const problem of problems) progress.line(`note: ${sentence(problem)}`);
  writeStamp(repo, 'machine', fingerprint(facts));
  return dear;
}

function isFresh(step) {
  return step.isThere(repo) && readStamp(repo, step.name) === step.inputs(repo);
}

function stopAt(problems) {
  const stops = problems.filter(({ severity }) => severity === 'stop');
  if (stops.length > 0) throw new SetupError(stops);
}

async function main() {
  const { quiet, kube, command } = parseArguments(process.argv.slice(2));
  const progress = createProgress({ quiet });
  process.env.PATH = wholePath().join(':');
  try {
    await setUp(progress);
    if (kube) await setUpKube(repo, progress);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    for (const problem of error.problems) progress.failure(`cannot go on: ${sentence(problem)}`);
    return 1;
  }
  return command.length === 0 ? 0 : await runScript(repo, command);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    process.stderr.write(`set-up: ${error.message}\n`);
    process.exitCode = 1;
  },
);
