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
import { type Pace, PacedLook } from '../kube/paced-look.ts';
import type { VolumeConsents } from '../kube/volumes/consent.ts';
import type { VolumeKnowledge } from '../kube/volumes/judge-volume-review.ts';
import { VolumeWatch } from '../kube/volumes/watch-volumes.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { drillClock, systemClock } from '../system-clock.ts';

/** Each audit looks through all of the storage; and a grant ends without a word. */
const pace: Pace = { gapMs: 2_000, lastMs: 30_000 };

export interface VolumesHost {
  readonly cluster: KubeClient;
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** `problems` is another. */
  problemsChanged(): void;
}

export function openVolumes({ cluster, snapshot, problemsChanged }: VolumesHost) {
  let audited: readonly Problem[] = [];
  const looking = new PacedLook(drillClock, pace, audit);
  const watch = new VolumeWatch(cluster, watchClusterDefaults, () => looking.soon());

  function audit(): void {
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
    lookAgain: () => looking.soon(),
    async close() {
      watch.close();
      await looking.close();
    },
  };
}
