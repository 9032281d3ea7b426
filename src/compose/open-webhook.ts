/**
 * The webhooks at work: a server that answers, and the registrations by which it is asked.
 *
 *   snapshot, objects, storage ──▶ judges ──▶ server ◀── API servers ◀── registrations ◀── the leader
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import type { WebhookConfig } from '../config.ts';
import type { Authority } from '../identity/authority.ts';
import { answeringWithin } from '../kube/answering-within.ts';
import { defaultSettings, sidecarUsers } from '../kube/inject/settings.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Leadership } from '../kube/lease/leadership.ts';
import { KubeObjects } from '../kube/objects.ts';
import { type Pace, PacedLook } from '../kube/paced-look.ts';
import type { VolumeKnowledge } from '../kube/volumes/judge-volume-review.ts';
import { type Installation, judgesOf, type TenantAnswer } from '../kube/webhook/judges.ts';
import { RegistrationKeeper } from '../kube/webhook/registration-keeper.ts';
import { TrustWatch } from '../kube/webhook/trust-watch.ts';
import { webhookConfigurations, webhookServerName } from '../kube/webhook/webhook-configurations.ts';
import { createWebhookServer, type Judged } from '../kube/webhook/webhook-server.ts';
import { coffreGroup, kinds } from '../model/kinds/catalogue.ts';
import type { Problem } from '../model/problem.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { SourcedObject } from '../model/sourced-object.ts';
import { systemNamespace } from '../model/system-namespace.ts';
import { drillClock, systemClock } from '../system-clock.ts';

/** Of looks at whom to trust, at our own certificate, and at what is registered; whoever comes to lead looks at once. */
const pace: Pace = { gapMs: 1_000, lastMs: 30_000 };
/** How long a replica that leaves answers, in ms: until those who route to it have heard. */
const drainMs = 2_000;
/** Longest wait for an API server to say whether it knows a tenant, in ms: it waits itself, five times as long. */
const askMaxMs = 1_000;

const asked = 'API servers are told to ask the webhooks';
const unasked =
  'no API server is told to ask the webhooks: an installation writes that last, and a removal takes it away';

export interface WebhookHost {
  readonly config: WebhookConfig;
  readonly cluster: KubeClient;
  readonly authority: Authority;
  readonly leadership: Leadership;
  readonly log: Logger;
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** What the newest snapshot was made of. */
  sourced(): readonly SourcedObject[];
  /** Undefined while not all of the storage is known. */
  volumes(): VolumeKnowledge | undefined;
  /** `problems` is another. */
  problemsChanged(): void;
}

/** Answers nobody before `listen`. */
export function openWebhook(host: WebhookHost) {
  const { config, authority, leadership, log } = host;
  const stop = new AbortController();
  // Of its own: reviews are judged to the end, when other parts have let go already.
  const objects = new KubeObjects(host.cluster, stop.signal);
  const tenants = new KubeObjects(answeringWithin(host.cluster, askMaxMs), stop.signal);
  const trust = new TrustWatch(config.clients, objects);
  const keeper = new RegistrationKeeper(objects, leadership);
  const configurations = () => webhookConfigurations({ rootPem: authority.rootPem, exempt: config.exempt });
  const credentials = () => {
    const leaf = authority.serverCredentials(webhookServerName);
    if (leaf === undefined) throw new Error('the CA has no certificate for the webhooks');
    return leaf;
  };
  let served = { credentials: credentials(), trust: trust.trust() };
  const judges = judgesOf(
    {
      ...{ snapshot: host.snapshot, objects: host.sourced, volumes: host.volumes, nowMs: systemClock.nowMs },
      askTenant: (name) => askTenant(tenants, name),
      sidecarUser: () => randomInt(sidecarUsers.first, sidecarUsers.last + 1),
    },
    installationOf(config),
  );
  const server = createWebhookServer({
    ...{ ...served, judges, drainMs },
    judged: (what) => logJudged(log, what),
    failed: (err) => log.error({ err }, 'a review could not be judged'),
  });
  const look = async () => {
    const wasAsked = keeper.isRegistered();
    const isChanged = [await trust.look(), await keeper.look(configurations())].includes(true);
    if (wasAsked !== keeper.isRegistered()) log.info(keeper.isRegistered() ? asked : unasked);
    rotate();
    if (isChanged) host.problemsChanged();
  };
  const rotate = () => {
    const now = { credentials: credentials(), trust: trust.trust() };
    if (now.credentials === served.credentials && now.trust === served.trust) return;
    served = now;
    server.rotate(now.credentials, now.trust);
  };
  let looking: PacedLook | undefined;
  let deaf: () => void = () => undefined;
  return {
    /** @returns why not, where the address cannot be taken. */
    async listen(): Promise<string | undefined> {
      await look();
      const bound = await server.listen(config.at);
      if (bound.kind === 'refused') return bound.message;
      log.info({ port: bound.port, clients: config.clients.kind }, 'webhooks are answered');
      if (!keeper.isRegistered()) log.info(unasked);
      const paced = new PacedLook(drillClock, pace, look);
      looking = paced;
      deaf = leadership.onChange(() => paced.soon());
      return undefined;
    },
    // What nobody asks for, as before an installation has come to its end, is missed by nobody.
    problems: (): readonly Problem[] => (keeper.isRegistered() ? [...trust.problems(), ...keeper.problems()] : []),
    /** Before each look of the loop, which may have been issued a new certificate by the last one. */
    lookAgain: rotate,
    async close() {
      deaf();
      const looked = looking?.close();
      await server.close();
      stop.abort();
      await looked;
    },
  };
}

function installationOf({ envoyImage, redirectImage, exempt, unproxied, caretakers }: WebhookConfig): Installation {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return {
    ...defaultSettings,
    ...{ envoyImage, redirectImage, exempt, version, revision: version },
    unproxied: new Set(unproxied),
    caretakers: new Set([`system:serviceaccount:${systemNamespace}:coffre`, ...caretakers]),
  };
}

async function askTenant(objects: KubeObjects, name: string): Promise<TenantAnswer> {
  const { kind } = await objects.read({ group: coffreGroup, version: kinds.Tenant.version, plural: 'tenants' }, name);
  if (kind === 'done') return 'there';
  return kind === 'missing' ? 'not-there' : 'unanswered';
}

function logJudged(log: Logger, { path, request, answer }: Judged): void {
  if (answer.kind === 'allowed') return;
  const { operation, kind, namespace, name, userInfo } = request;
  const why = answer.kind === 'refused' ? answer.problems.map(({ code }) => code) : answer.reason;
  log.warn({ path, operation, kind: kind.kind, namespace, name, by: userInfo.username, why }, 'a write was refused');
}
