/** A real cluster, followed through a proxy that spoils what a test says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { collectionPath, type Resource, resources } from '../../../src/kube/inform/resource.ts';
import { informTimings } from '../../../src/kube/inform/timings.ts';
import { type ClusterContents, watchCluster, watchClusterDefaults } from '../../../src/kube/inform/watch-cluster.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import type { Problem } from '../../../src/model/problem.ts';
import { readObject } from '../../../src/model/read-object.ts';
import { type FaultyProxy, startFaultyProxy } from '../faulty-proxy.ts';
import type { Cluster } from '../harness/cluster.ts';
import { connectKube, type Kube } from '../harness/kube.ts';

export interface FollowedCluster {
  readonly proxy: FaultyProxy;
  /** What the source told last; nothing before it told anything. */
  contents(): ClusterContents | undefined;
  /** How often it told. */
  tellings(): number;
  /** By id, the hash of each object that the source tells. */
  held(): ReadonlyMap<string, string>;
  problems(): readonly Problem[];
  /** Waits until the source tells what a fresh list tells. */
  settled(): Promise<void>;
  /** Waits until `isThere`. @throws with the last contents where it never is. */
  until(isThere: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Waits of the real thing, but for those that would be minutes. */
const shortTimings = {
  ...informTimings,
  answerMaxMs: 3_000,
  silenceMaxMs: 4_000,
  provenMs: 300,
  absentLookMs: 500,
  backoffMs: 50,
  backoffMaxMs: 500,
};
/** Longest wait for anything, in ms: nothing here takes seconds but on a loaded machine. */
const untilMaxMs = 100_000;
const lookMs = 20;

export async function followCluster(cluster: Cluster, token?: string): Promise<FollowedCluster> {
  const proxy = await startFaultyProxy(cluster, token);
  const kube = connectKube(cluster);
  const client = openKubeClient({ kind: 'kubeconfig', file: proxy.kubeconfig });
  const stop = new AbortController();
  let contents: ClusterContents | undefined;
  let tellings = 0;
  const options = { ...watchClusterDefaults, timings: shortTimings };
  const running = watchCluster(
    client,
    options,
    (next) => {
      contents = next;
      tellings += 1;
    },
    stop.signal,
  );
  const held = () => new Map((contents?.objects ?? []).map(({ id, hash }) => [id, hash]));
  const until = async (isThere: () => boolean) => {
    const deadline = performance.now() + untilMaxMs;
    while (!isThere()) {
      if (performance.now() > deadline) {
        const problems = contents?.problems.map(({ message }) => message).join('\n');
        throw new Error(`it did not come to that: ${contents?.objects.length} objects, ${problems}`);
      }
      await sleep(lookMs);
    }
  };
  return {
    proxy,
    contents: () => contents,
    tellings: () => tellings,
    held,
    problems: () => contents?.problems ?? [],
    until,
    async settled() {
      let fresh = await freshList(kube);
      const deadline = performance.now() + untilMaxMs;
      while (!isEqual(held(), fresh)) {
        if (performance.now() > deadline) throw new Error(`not equal: ${differing(held(), fresh).join(', ')}`);
        await sleep(lookMs);
        // Others write to the same cluster.
        fresh = await freshList(kube);
      }
    },
    async close() {
      stop.abort();
      await running;
      await client.close();
      await proxy.close();
      await kube.close();
    },
  };
}

/** All objects of all kinds by plain lists, read as anywhere else; of an optional kind that is not there, none. */
async function freshList(kube: Kube): Promise<ReadonlyMap<string, string>> {
  const lists = await Promise.all(resources.map((resource) => freshListOf(kube, resource)));
  return new Map(lists.flat());
}

async function freshListOf(kube: Kube, resource: Resource): Promise<(readonly [string, string])[]> {
  const { status, body } = await kube.request('GET', collectionPath(resource));
  if (status === 404 && resource.isOptional) return [];
  const items: unknown = Reflect.get(Object(body), 'items');
  if (!Array.isArray(items)) throw new Error(`\`${resource.plural}\` cannot be listed: ${status}`);
  return items.flatMap((item) => {
    const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
    const read = readObject({ ...item, apiVersion, kind: resource.kind }, { file: '', line: 1 });
    return read.kind === 'object' ? [[read.object.id, read.object.hash] as const] : [];
  });
}

function isEqual(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): boolean {
  return left.size === right.size && differing(left, right).length === 0;
}

function differing(left: ReadonlyMap<string, string>, right: ReadonlyMap<string, string>): string[] {
  return [...new Set([...left.keys(), ...right.keys()])].filter((id) => left.get(id) !== right.get(id));
}
