/** How a test file gets a cluster of its own in which pods run: skipped by name where it cannot be had. */
import { afterAll, afterEach, beforeAll, describe, expect, vi } from 'vitest';
import { stringify } from 'yaml';
import { isKubernetesHere } from '../harness/cluster.ts';
import { takeTurn } from './take-turn.ts';
import { startWholeCluster, type WholeCluster } from './whole-cluster.ts';

export interface ClusterInTest {
  /** From the first hook on. */
  cluster(): WholeCluster;
  /** @throws over an exit code, with what was said. @param objects for its standard input. */
  kubectl(args: readonly string[], objects?: readonly object[]): Promise<string>;
  apply(...objects: readonly object[]): Promise<string>;
  /** Until a pod (`namespace/name`) is ready, and the kubelet's last words where it is not. */
  untilReady(...pods: readonly string[]): Promise<void>;
}

/** Longest that one test or hook of such a file may take, in ms: each is a story with many pods, on a machine that is loaded. */
const storyMaxMs = 300_000;
/** Longest wait for the turn, in ms: two other files, on a machine that is loaded. */
const turnMaxMs = 2 * storyMaxMs;
/** Longest wait for pods, in ms: they come up in two or three seconds on a machine that is free. */
const readyMaxMs = 90_000;

export function whereWholeCluster(name: string, tests: (within: ClusterInTest) => void): void {
  vi.setConfig({ testTimeout: storyMaxMs, hookTimeout: storyMaxMs });
  // Users and namespaces of its own are what this is about: a user namespace has one user.
  const missing = [
    ...(isKubernetesHere() ? [] : ['no Kubernetes could be built here']),
    ...(process.getuid?.() === 0 ? [] : ['needs root']),
  ];
  describe.skipIf(missing.length > 0)(missing.length === 0 ? name : `${name} (${missing.join(', ')})`, () => {
    let cluster: WholeCluster | undefined;
    let giveTurn = async () => {};
    beforeAll(async () => {
      giveTurn = await takeTurn();
    }, turnMaxMs);
    beforeAll(async () => {
      cluster = await startWholeCluster();
    });
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') console.error(cluster?.kubelet().words());
    });
    afterAll(async () => {
      await cluster?.close();
      await giveTurn();
    });
    tests(within(() => cluster ?? expect.fail('the cluster has not started')));
  });
}

function within(running: () => WholeCluster): ClusterInTest {
  const kubectl: ClusterInTest['kubectl'] = async (args, objects = []) => {
    const input = objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join('---\n');
    const { code, stdout, stderr } = await running().kube.kubectl(args, { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  return {
    cluster: running,
    kubectl,
    apply: (...objects) => kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], objects),
    async untilReady(...pods) {
      for (const pod of pods) {
        const [namespace = '', podName = ''] = pod.split('/');
        const asked = ['get', 'pod', podName, '-n', namespace, '-o'];
        const jsonPath = 'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.message}{end}';
        await vi.waitFor(async () => expect(await kubectl([...asked, jsonPath]), pod).toMatch(/^True/), {
          timeout: readyMaxMs,
          interval: 200,
        });
      }
    },
  };
}
