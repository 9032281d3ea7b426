/**
 * The volume wall at work: what the door knows of storage, and what the audit tells of it.
 *
 *   cluster ──followed──▶ VolumeWatch ──▶ volumeKnowledge(), for the webhook
 *                                     └─▶ audit, at most every few seconds ──▶ problems
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { watchClusterDefaults } from '../kube/inform/watch-cluster.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { VolumeConsents } from '../kube/volumes/consent.ts';
import type { VolumeKnowledge } from '../kube/volumes/judge-volume-review.ts';
import { VolumeWatch } from '../kube/volumes/watch-volumes.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { systemClock } from '../system-clock.ts';

/** Shortest time between two audits, in ms: each looks through all of the storage. */
const auditGapMs = 2_000;
/** Longest time between two audits, in ms: a grant ends without a word. */
const auditMaxMs = 30_000;

export interface VolumesHost {
  readonly cluster: KubeClient;
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** `problems` is another. */
  problemsChanged(): void;
}

export function openVolumes({ cluster, snapshot, problemsChanged }: VolumesHost) {
  let audited: readonly Problem[] = [];
  let auditedAtMs = Number.NEGATIVE_INFINITY;
  let soon: NodeJS.Timeout | undefined;
  const watch = new VolumeWatch(cluster, watchClusterDefaults, lookAgain);
  const atLast = setInterval(lookAgain, auditMaxMs);

  function lookAgain(): void {
    soon ??= setTimeout(audit, Math.max(0, auditedAtMs + auditGapMs - performance.now()));
  }

  function audit(): void {
    soon = undefined;
    auditedAtMs = performance.now();
    const consents = consentsNow();
    audited = consents === undefined ? [] : watch.audit(consents);
    problemsChanged();
  }

  function consentsNow(): VolumeConsents | undefined {
    const now = snapshot();
    return now && { tenants: now.tenants, volumeGrants: now.volumeGrants, nowMs: systemClock.nowMs() };
  }

  return {
    /** For the webhook; undefined while not all of the storage, or of the mesh, is known: nobody can then be judged. */
    volumeKnowledge(): VolumeKnowledge | undefined {
      const [index, consents] = [watch.index(), consentsNow()];
      return index && consents && { index, consents };
    },
    problems: (): readonly Problem[] => [...watch.problems(), ...audited],
    lookAgain,
    close() {
      clearTimeout(soon);
      clearInterval(atLast);
      watch.close();
    },
  };
}
