/** A cluster's attestation as the control plane opens it, fed by the real informers; and pods as a kubelet would have them. */
import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { openAttest } from '../../../src/compose/open-attest.ts';
import { tokenAudience } from '../../../src/identity/token-claims.ts';
import { watchCluster, watchClusterDefaults } from '../../../src/kube/inform/watch-cluster.ts';
import { injectPod } from '../../../src/kube/inject/inject-pod.ts';
import { openKubeClient } from '../../../src/kube/kube-client.ts';
import type { SourcedObject } from '../../../src/model/sourced-object.ts';
import type { Kube } from '../harness/kube.ts';
import { allowNodes, nodeUser } from '../harness/nodes.ts';
import { account } from '../inform/cluster-objects.ts';
import { restricted, settings } from '../inject/settings.ts';

export interface Attesting {
  readonly attest: ReturnType<typeof openAttest>;
  /** Every set of clients that there was news of. */
  readonly news: ReadonlySet<string>[];
  objects(): readonly SourcedObject[];
  /** Resolves once the control plane sees the pod so. */
  sees(pod: string, is: (text: string) => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface AttestingOptions {
  /** Kubeconfig by which reviews are asked for; by default as the admin. */
  readonly asking?: string;
  /** Told of every set of clients that there is news of. */
  judgeAgain?(clients: ReadonlySet<string>): void;
}

export async function startAttesting(kube: Kube, options: AttestingOptions = {}): Promise<Attesting> {
  const { asking, judgeAgain = () => undefined } = options;
  const file = await kube.adminKubeconfig();
  const informed = openKubeClient({ kind: 'kubeconfig', file });
  const cluster = openKubeClient({ kind: 'kubeconfig', file: asking ?? file });
  let objects: readonly SourcedObject[] = [];
  const news: ReadonlySet<string>[] = [];
  const attest = openAttest({
    cluster,
    objects: () => objects,
    judgeAgain(clients) {
      news.push(clients);
      judgeAgain(clients);
    },
    problemsChanged: () => undefined,
  });
  const stop = new AbortController();
  const following = watchCluster(
    informed,
    watchClusterDefaults,
    (contents) => {
      objects = contents.objects;
      attest.lookAgain();
    },
    stop.signal,
  );
  return {
    attest,
    news,
    objects: () => objects,
    async sees(pod, is) {
      const text = () => JSON.stringify(objects.find(({ id }) => id === `Pod/${pod}`) ?? 'absent');
      await expect.poll(() => is(text()), { timeout: 10_000 }).toBe(true);
    },
    async close() {
      attest.close();
      stop.abort();
      await following;
      await Promise.all([informed.close(), cluster.close()]);
    },
  };
}

export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
}

export interface PodOptions {
  readonly name?: string;
  readonly serviceAccount?: string;
  readonly isInjected?: boolean;
  /** Absent: it is not scheduled. */
  readonly node?: string | null;
}

/** A pod on a node, injected as our webhook does it. */
export async function runPod(kube: Kube, namespace: string, options: PodOptions = {}): Promise<RunningPod> {
  const { name = `web-${randomUUID().slice(0, 8)}`, serviceAccount = 'web', isInjected = true } = options;
  const { node = `node-of-${namespace}` } = options;
  await kube.request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, account(namespace, serviceAccount));
  if (node !== null) await kube.request('POST', '/api/v1/nodes', { metadata: { name: node } });
  const own = {
    metadata: { name },
    spec: {
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: false,
      ...(node === null ? {} : { nodeName: node }),
      containers: [{ name: 'app', image: 'registry.example/app:1', securityContext: restricted }],
    },
  };
  const injection = injectPod(own, settings, { namespace, tenant: namespace, sidecarUser: 1_900_000_007 });
  if (injection.kind !== 'injected') throw new Error(JSON.stringify(injection));
  const pod = isInjected ? injection.pod : own;
  const { status, body } = await kube.request('POST', `/api/v1/namespaces/${namespace}/pods`, pod);
  if (status !== 201) throw new Error(JSON.stringify(body));
  const { metadata } = body as { metadata: { uid: string } };
  return { namespace, name, uid: metadata.uid, node: node ?? '' };
}

export interface TokenOptions {
  readonly serviceAccount?: string;
  readonly audience?: string;
  /** Absent: ours; null: the token is bound to nothing. */
  readonly uid?: string | null;
}

/** As a kubelet asks for it. */
export async function tokenOf(kube: Kube, { namespace, name, uid, node }: RunningPod, options: TokenOptions = {}) {
  const { serviceAccount = 'web', audience = tokenAudience, uid: boundTo = uid } = options;
  const bound =
    boundTo === null ? [] : ['--bound-object-kind=Pod', `--bound-object-name=${name}`, `--bound-object-uid=${boundTo}`];
  const { name: user, group } = nodeUser(node === '' ? 'any' : node);
  await allowNodes(kube);
  const { code, stdout, stderr } = await kube.kubectl([
    ...[`--as=${user}`, `--as-group=${group}`],
    ...['create', 'token', serviceAccount, '-n', namespace, `--audience=${audience}`, ...bound],
  ]);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}
