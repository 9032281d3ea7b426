/**
 * Four projects: `unit` and `conformance` and `features` run side by side, `e2e` (real Envoys) last, two files at a time.
 * Two more, `kube` (a real API server) and `kube-pods` (whole clusters with pods), are there where they are asked for by name:
 * `npm run test:kube`.
 *
 * Every random test of one run draws from one seed, printed here; COFFRE_SEED=that number repeats the run.
 */
import { randomInt } from 'node:crypto';
import { defineConfig } from 'vitest/config';

/** Longest a test with real processes may take, in ms: an Envoy starts in 0.1 s, on a loaded machine in many seconds. */
const e2eTimeoutMs = 120_000;
/** Longest any other test may take, in ms: it catches what hangs, and is no judgement of speed on a loaded machine. */
const testTimeoutMs = 60_000;
/**
 * Files at once. Two also of the real ones: most of their time is a TTL or a deadline that they wait for. Not more: each
 * Envoy holds four of the user's inotify instances, of which Linux gives 128.
 */
const maxWorkers = 2;
/** fast-check takes a signed 32-bit seed. */
const seedMax = 2 ** 31 - 1;

// Through the environment, because the forks that run the tests inherit it.
process.env['COFFRE_SEED'] ??= String(randomInt(seedMax));
console.error(`random tests: COFFRE_SEED=${process.env['COFFRE_SEED']}`);
// Golden files are rewritten: what no scenario makes any more is to go as well.
if (process.argv.includes('-u') || process.argv.includes('--update')) process.env['COFFRE_REWRITE'] = '1';

const elsewhere = ['test/conformance/**', 'test/features/**', 'test/e2e/**', 'test/**/*.kube.test.ts'];
/** Never by itself: what its tests stand on is built from source, which takes minutes. */
const isKubeAsked = process.argv.some((argument) => argument === 'kube' || argument === '--project=kube');
/** Files that run pods in a cluster of their own: one at a time, since their sidecars give workers half a second to answer. */
const wholeClusters = [
  'test/kube/e2e/**/*.kube.test.ts',
  'test/kube/install/upgrade.kube.test.ts',
  'test/kube/kubelet/kubelet.kube.test.ts',
];
const common = {
  setupFiles: ['test/setup.ts'],
  testTimeout: testTimeoutMs,
  hookTimeout: testTimeoutMs,
  maxWorkers,
  // Generated code is plain JavaScript: Node loads it faster than vite transforms it.
  server: { deps: { external: [/\/gen\//] } },
};
const kube = {
  test: {
    ...common,
    name: 'kube',
    include: ['test/kube/**/*.kube.test.ts'],
    exclude: wholeClusters,
    globalSetup: ['test/kube/harness/global-setup.ts'],
    sequence: { groupOrder: 2 },
    // Most of their time an API server waits for a watch or a Lease.
    maxWorkers: 3,
    testTimeout: e2eTimeoutMs,
    hookTimeout: e2eTimeoutMs,
  },
};
const kubePods = {
  test: {
    ...kube.test,
    name: 'kube-pods',
    include: wholeClusters,
    exclude: [],
    sequence: { groupOrder: 3 },
    maxWorkers: 1,
  },
};

export default defineConfig({
  test: {
    projects: [
      { test: { ...common, name: 'unit', include: ['test/**/*.test.ts'], exclude: elsewhere } },
      { test: { ...common, name: 'conformance', include: ['test/conformance/**/*.test.ts'] } },
      { test: { ...common, name: 'features', include: ['test/features/**/*.test.ts'] } },
      {
        test: {
          ...common,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: e2eTimeoutMs,
          hookTimeout: e2eTimeoutMs,
        },
      },
      ...(isKubeAsked ? [kube, kubePods] : []),
    ],
  },
});
