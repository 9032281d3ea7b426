/**
 * What a control plane does in a cluster beside serving its proxies: every part is told of the newest snapshot, and
 * writes into the cluster what follows from it.
 *
 *   snapshot ──▶ parts, each with its own wish ──KubeObjects──▶ API server
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { WebhookConfig } from '../config.ts';
import type { Authority } from '../identity/authority.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { KubeObjects } from '../kube/objects.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { openPeople, type PeopleHost } from './open-people.ts';
import { openStatus, type StatusHost } from './open-status.ts';
import { openVolumes } from './open-volumes.ts';
import { openWalls } from './open-walls.ts';
import { openWebhook } from './open-webhook.ts';

export interface ClusterHost extends StatusHost, PeopleHost {
  /** Opened before the doors, which ask it. */
  readonly attest: Part | undefined;
  readonly cluster: KubeClient;
  readonly authority: Authority;
  readonly log: Logger;
  /** Absent: no API server is answered. */
  readonly webhook: WebhookConfig | undefined;
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** What the parts tell as problems is another. */
  problemsChanged(): void;
}

/** One thing that is done in a cluster. */
interface Part {
  /** The snapshot is another. */
  lookAgain(): void;
  /** What is wrong in the cluster, and its people should see. */
  problems?(): readonly Problem[];
  close(): unknown;
}

export function openCluster(host: ClusterHost) {
  const stop = new AbortController();
  const objects = new KubeObjects(host.cluster, stop.signal);
  const volumes = openVolumes(host);
  const walls = openWalls(host, objects);
  const status = openStatus(host, objects);
  const { objects: sourced, webhook: config } = host;
  const webhook = config && openWebhook({ ...host, config, sourced, volumes: () => volumes.volumeKnowledge() });
  const people = openPeople(host);
  const parts: readonly Part[] = [host.attest, volumes, walls, status, webhook].flatMap((part) => part ?? []);
  return {
    volumes,
    status,
    /** @returns why not, where an address cannot be taken. */
    listen: async (): Promise<string | undefined> => webhook?.listen(),
    problems: () => parts.flatMap((part) => part.problems?.() ?? []),
    /** The loop goes on looking for a while after the parts have ended: none begins anew. */
    lookAgain() {
      if (!stop.signal.aborted) for (const part of parts) part.lookAgain();
    },
    /** Reviews are judged to the end, by what the other parts know until then; all else that is under way is let go of. */
    async close() {
      await webhook?.close();
      stop.abort();
      await Promise.all([people, host.attest, volumes, walls, status].map((part) => part?.close()));
    },
  };
}
