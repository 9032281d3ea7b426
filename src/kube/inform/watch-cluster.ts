/**
 * Follows a cluster: the objects of every kind that is read, as a source of the mesh beside the folder.
 *
 *   15 kinds ──list and watch, each by itself──▶ changed ──all were whole once──▶ onChange, at most every `gapMs`
 *
 * Until every kind has been listed there are no objects, only problems: a mesh without its denies is not a smaller mesh,
 * it is another one. After that each kind stays as it was last seen, whatever becomes of the API server.
 */
import type { Problem } from '../../model/problem.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { KubeClient } from '../kube-client.ts';
import { KindFollower } from './follow-kind.ts';
import type { InformOptions } from './follower.ts';
import { resources } from './resource.ts';
import { informTimings } from './timings.ts';

/** What is in force, and what is wrong. */
export interface ClusterContents {
  readonly objects: readonly SourcedObject[];
  readonly problems: readonly Problem[];
}

export interface WatchClusterOptions extends InformOptions {
  /** Shortest time between two tellings, in ms: what comes meanwhile is told together, the newest state of each object. */
  readonly gapMs: number;
}

export const watchClusterDefaults: WatchClusterOptions = {
  timings: informTimings,
  nowMs: () => performance.now(),
  random: Math.random,
  // Of the second in which a withdrawal shall bite, a twentieth.
  gapMs: 50,
};

/**
 * @param onChange called in order, one at a time; first when all is known, or something is wrong.
 * @returns when `signal` is aborted.
 */
export async function watchCluster(
  client: KubeClient,
  options: WatchClusterOptions,
  onChange: (contents: ClusterContents) => void,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise: ended, resolve: end, reject } = Promise.withResolvers<void>();
  let telling: NodeJS.Timeout | undefined;
  let toldAtMs = Number.NEGATIVE_INFINITY;

  function tell(): void {
    telling = undefined;
    toldAtMs = options.nowMs();
    const problems = followers.flatMap((follower) => follower.problems());
    const isWhole = followers.every((follower) => follower.isSynced());
    if (!isWhole && problems.length === 0) return;
    try {
      onChange({ objects: isWhole ? followers.flatMap((follower) => follower.objects()) : [], problems });
    } catch (error) {
      reject(error);
    }
  }

  const changed = () => {
    telling ??= setTimeout(tell, Math.max(0, toldAtMs + options.gapMs - options.nowMs()));
  };
  const followers = resources.map((resource) => new KindFollower(resource, client, options, changed));
  signal.addEventListener('abort', () => end(), { once: true });
  try {
    await ended;
  } finally {
    clearTimeout(telling);
    for (const follower of followers) follower.close();
  }
}
