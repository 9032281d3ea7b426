/**
 * Can Coffre stand on this machine at all? A pure function of facts, so that every refusal is tested on any machine.
 *
 * The floor is set by what is pinned: the Envoy wheel (Linux, glibc 2.31, two architectures), npm packages that ask
 * for Node 20, and pip's knowledge of the wheel's tag.
 */

/** Oldest Node that the npm packages accept; the sources themselves run on the Node 24 that `npm ci` brings. */
const nodeMajorMin = 20;
/** Tag of the Envoy wheel: manylinux_2_31. */
const glibcMin = '2.31';
const architectures = ['x64', 'arm64'];
const container = 'docker run --rm -it --privileged -v "$PWD":/coffre -w /coffre node:22-bookworm npm run demo';

/**
 * @param {import('./facts.mjs').Facts} facts
 * @returns {import('./problem.mjs').Problem[]} empty where the machine will do
 */
export function platformProblems(facts) {
  if (facts.platform !== 'linux') {
    const name = facts.platform === 'darwin' ? 'macOS' : `\`${facts.platform}\``;
    return [
      stop('not-linux', `this is ${name}`, 'the pinned Envoy and the network namespaces of the lab are Linux only', {
        cure: `use a Linux machine or a container: ${container}`,
      }),
    ];
  }
  return [...architecture(facts), ...libc(facts), ...node(facts)];
}

/**
 * @param {import('./facts.mjs').DearFacts['namespaces']} namespaces
 * @returns {import('./problem.mjs').Problem[]}
 */
export function namespaceProblems(namespaces) {
  if (namespaces !== 'none') return [];
  return [
    {
      id: 'no-namespaces',
      severity: 'note',
      what: 'this user can make no network namespace',
      why: 'the lab puts each sidecar into one, so the tests that need the lab are skipped by name',
      cure: 'run as root, or allow it: sudo sysctl -w user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1 (in a container: --privileged)',
    },
  ];
}

function architecture({ arch }) {
  if (architectures.includes(arch)) return [];
  const why = 'Envoy is pinned for x64 and arm64 only';
  return [stop('architecture', `the processor is \`${arch}\``, why, { cure: 'use a machine with one of the two' })];
}

function libc({ glibcVersion }) {
  if (glibcVersion === undefined) {
    const why = 'the pinned Envoy is linked against glibc';
    return [
      stop('no-glibc', 'the C library is not glibc (musl, as on Alpine?)', why, {
        cure: `use a Debian-like system: ${container}`,
      }),
    ];
  }
  if (!older(glibcVersion, glibcMin)) return [];
  const why = `the pinned Envoy needs ${glibcMin} or younger`;
  return [
    stop('old-glibc', `glibc is ${glibcVersion}`, why, { cure: 'use Debian 11, Ubuntu 20.04 or anything younger' }),
  ];
}

function node({ nodeVersion, programs }) {
  const problems = [];
  if (Number.parseInt(nodeVersion, 10) < nodeMajorMin) {
    const why = `npm's packages need Node ${nodeMajorMin} or younger to install`;
    problems.push(
      stop('old-node', `Node is ${nodeVersion}`, why, { cure: 'install a younger one, such as: nvm install 24' }),
    );
  }
  if (!programs.has('npm')) {
    const cure = 'install it, on Debian: sudo apt-get install -y npm';
    problems.push(stop('no-npm', '`npm` is not on the PATH', 'it brings every library, and Node 24', { cure }));
  }
  return problems;
}

/**
 * @param {string} version digits and dots
 * @param {string} floor digits and dots
 * @returns {boolean} whether `version` comes before `floor`, compared number by number
 */
export function older(version, floor) {
  const [have, want] = [version, floor].map((text) => text.split('.').map(Number));
  for (let at = 0; at < Math.max(have.length, want.length); at += 1) {
    const difference = (have[at] ?? 0) - (want[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function stop(id, what, why, { cure }) {
  return { id, severity: 'stop', what, why, cure };
}
