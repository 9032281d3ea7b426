/**
 * Replicas of the control plane, as far as webhooks go: each follows the cluster by itself and answers by what it has heard;
 * the CA is one, as it is where replicas keep it in the cluster.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openVolumes } from '../../../src/compose/open-volumes.ts';
import { openWebhook } from '../../../src/compose/open-webhook.ts';
import type { WebhookConfig } from '../../../src/config.ts';
import type { Authority } from '../../../src/identity/authority.ts';
import { openAuthority } from '../../../src/identity/open-authority.io.ts';
import { systemPorts } from '../../../src/identity/system-ports.io.ts';
import { watchCluster, watchClusterDefaults } from '../../../src/kube/inform/watch-cluster.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import type { Leadership } from '../../../src/kube/lease/leadership.ts';
import { webhookServerName } from '../../../src/kube/webhook/webhook-configurations.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { SnapshotBuilder } from '../../../src/model/snapshot-builder.ts';
import type { SourcedObject } from '../../../src/model/sourced-object.ts';
import { freePort } from '../../fixtures/free-port.ts';
import type { Kube } from '../harness/kube.ts';

export interface PlayedAuthority {
  readonly authority: Authority;
  /** It is now for it, too: what is due is renewed. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

/** Long enough that a server's certificate of then is due for renewal now, and still good. */
const behindMs = 13 * 3_600_000;

/** Its clock is behind, so that its first certificates are old. */
export async function playAuthority(): Promise<PlayedAuthority> {
  const stateFolder = await mkdtemp(join(tmpdir(), 'coffre-webhook-'));
  let lateMs = behindMs;
  const clock = { nowMs: () => systemPorts.clock.nowMs() - lateMs };
  const authority = await openAuthority({
    ...{ stateFolder, trustDomain: 'mesh.example', serverDnsNames: [webhookServerName] },
    ports: { ...systemPorts, clock },
  });
  return {
    authority,
    async catchUp() {
      lateMs = 0;
      await authority.ensure({ tenants: [], spiffeIds: [], leafLifetimeMs: 86_400_000 });
    },
    close: () => rm(stateFolder, { recursive: true }),
  };
}

export interface PlayedReplica {
  readonly port: number;
  snapshot(): Snapshot | undefined;
  problems(): readonly { readonly code: string; readonly severity: string }[];
  /** The loop looks again. */
  lookAgain(): void;
  close(): Promise<void>;
}

/** The only leader there is. */
export const leads: Leadership = {
  term: () => 1,
  leader: () => ({ name: 'a', term: 1 }),
  onChange: () => () => undefined,
};
export const follows: Leadership = { ...leads, term: () => undefined };

export async function playReplica(
  kube: Kube,
  authority: Authority,
  leadership: Leadership,
  config: Partial<WebhookConfig> = {},
): Promise<PlayedReplica> {
  const stop = new AbortController();
  const client = openKubeClient({ kind: 'kubeconfig', file: await kube.adminKubeconfig() });
  const builder = new SnapshotBuilder();
  let objects: readonly SourcedObject[] = [];
  let snapshot: Snapshot | undefined;
  const volumes = openVolumes({ cluster: client, snapshot: () => snapshot, problemsChanged: () => undefined });
  const { promise: read, resolve } = Promise.withResolvers<void>();
  const watching = watchCluster(
    client,
    watchClusterDefaults,
    (contents) => {
      objects = contents.objects;
      snapshot = builder.build(objects, Date.now());
      resolve();
    },
    stop.signal,
  );
  await read;
  const port = await freePort();
  const webhook = openWebhook({
    config: {
      ...{
        at: { address: '127.0.0.1', port },
        clients: { kind: 'cluster' },
        exempt: [],
        unproxied: [],
        caretakers: [],
      },
      ...{ envoyImage: 'registry.example/envoy:1', redirectImage: 'registry.example/redirect:1' },
      ...config,
    },
    ...{ cluster: client, authority, leadership, log: pino({ level: 'silent' }) },
    ...{ snapshot: () => snapshot, sourced: () => objects, volumes: () => volumes.volumeKnowledge() },
    problemsChanged: () => undefined,
  });
  const refusal = await webhook.listen();
  if (refusal !== undefined) throw new Error(refusal);
  return {
    port,
    snapshot: () => snapshot,
    problems: webhook.problems,
    lookAgain: webhook.lookAgain,
    async close() {
      stop.abort();
      await webhook.close();
      volumes.close();
      await watching;
      await client.close();
    },
  };
}
