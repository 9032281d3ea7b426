/**
 * Who proxies are, in a cluster: each new look at the cluster is told to the attestor, and streams of pods that are not
 * what they were are judged at once. And where those are whom they ask for verdicts.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { workerKey } from '../controller/configure.ts';
import { tokenAudience } from '../identity/token-claims.ts';
import { answeringWithin } from '../kube/answering-within.ts';
import { Attestor } from '../kube/attest/attestor.ts';
import { reviewFor, tokenReviews } from '../kube/attest/token-review.ts';
import { reviewMaxMs } from '../kube/attest/token-reviews.ts';
import { isWorkerSlice, type WorkerAddress, workerAddresses } from '../kube/attest/worker-addresses.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeObjects } from '../kube/objects.ts';
import { differenceOf } from '../model/difference.ts';
import { keepUnchanged } from '../model/keep-unchanged.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import { systemClock } from '../system-clock.ts';

export interface AttestHost {
  readonly cluster: KubeClient;
  /** What the newest snapshot was made of. */
  objects(): readonly SourcedObject[];
  /** There is news of these clients. */
  judgeAgain(clients: ReadonlySet<string>): void;
  problemsChanged(): void;
}

export function openAttest({ cluster, objects, judgeAgain, problemsChanged }: AttestHost) {
  const stop = new AbortController();
  // Nobody waits longer for a review, so none is under way for longer.
  const reviews = new KubeObjects(answeringWithin(cluster, reviewMaxMs), stop.signal);
  const bearers = new Attestor({
    ...systemClock,
    audience: tokenAudience,
    workerKey,
    review: (token) => reviews.create(tokenReviews, reviewFor(token, tokenAudience)),
    problemsChanged,
  });
  let seen: readonly SourcedObject[] = [];
  let workers: readonly WorkerAddress[] = [];
  return {
    bearers,
    /** The very same list while no worker came or went. */
    workers: () => workers,
    lookAgain() {
      const newest = objects();
      if (newest === seen) return;
      const difference = differenceOf(seen, newest);
      seen = newest;
      if ([...difference.gone, ...difference.come].some(isWorkerSlice)) {
        workers = keepUnchanged(workers, workerAddresses(newest));
      }
      const changed = bearers.take(difference);
      if (changed.size > 0) judgeAgain(changed);
    },
    problems: () => bearers.problems(),
    close: () => stop.abort(),
  };
}
