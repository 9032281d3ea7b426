/**
 * The volume wall as a real API server meets it: the policies applied, a webhook that knows what the server holds at the
 * moment it asks, and a mesh whose grants a test gives and takes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import fastify from 'fastify';
import type { AdmissionRequest } from '../../../src/kube/admission.ts';
import { volumeAdmissionPolicies } from '../../../src/kube/volumes/admission-policies.ts';
import type { VolumeConsents } from '../../../src/kube/volumes/consent.ts';
import { judgeVolumeReview } from '../../../src/kube/volumes/judge-volume-review.ts';
import { indexVolumes } from '../../../src/kube/volumes/volume-index.ts';
import { volumeWebhooks } from '../../../src/kube/volumes/volume-webhook.ts';
import { formatProblem } from '../../../src/model/format-problem.ts';
import { issue, makeAuthority } from '../harness/certificates.ts';
import type { Answer, Kube } from '../harness/kube.ts';

interface WallOfTests {
  stop(): Promise<void>;
}

/** A policy bites 0.2 s to 2 s after it was applied, on a machine that is free; in ms. */
const bitesMaxMs = 60_000;
const lookMs = 100;
const admission = '/apis/admissionregistration.k8s.io/v1';

/** @param consents asked anew at each review. */
export async function raiseWall(kube: Kube, consents: () => VolumeConsents): Promise<WallOfTests> {
  const authority = await makeAuthority('webhook of the tests');
  const { certificate, key } = await issue(authority, { name: 'webhook' }, ['127.0.0.1']);
  const server = fastify({ https: { cert: certificate, key } });
  server.post<{ Body: { request: AdmissionRequest & { uid: string } } }>('/volumes', async ({ body: { request } }) => {
    const verdict = judgeVolumeReview(request, { index: indexVolumes(await storageOf(kube)), consents: consents() });
    const refusal =
      verdict.kind === 'refused' ? { code: 403, message: verdict.problems.map(formatProblem).join('\n') } : {};
    const response = { uid: request.uid, allowed: verdict.kind === 'allowed', status: refusal };
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
  });
  const url = `${await server.listen({ host: '127.0.0.1', port: 0 })}/volumes`;
  const clientConfig = { url, caBundle: Buffer.from(authority.certificate).toString('base64') };
  await must(kube, `${admission}/validatingwebhookconfigurations`, {
    metadata: { name: 'coffre-volumes' },
    webhooks: volumeWebhooks.map((webhook) => ({ ...webhook, clientConfig })),
  });
  for (const policy of volumeAdmissionPolicies()) {
    const plural =
      policy.kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : 'validatingadmissionpolicybindings';
    await must(kube, `${admission}/${plural}`, policy);
  }
  return { stop: () => server.close() };
}

/** Neither a kind nor a policy is in force the moment it is written: it is tried until it is. */
export async function until(isWanted: (answer: Answer) => boolean, attempt: () => Promise<Answer>): Promise<void> {
  const signal = AbortSignal.timeout(bitesMaxMs);
  while (!isWanted(await attempt())) await sleep(lookMs, undefined, { signal });
}

/** @throws with the server's words where it did not make it. */
export async function must(kube: Kube, path: string, body: object): Promise<void> {
  const answer = await kube.request('POST', path, body);
  if (answer.status !== 201) throw new Error(`${path} was refused: ${JSON.stringify(answer.body)}`);
}

export async function storageOf(kube: Kube) {
  const list = async (path: string): Promise<readonly unknown[]> => {
    const { body } = await kube.request('GET', path);
    const items: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'items') : undefined;
    if (!Array.isArray(items)) throw new Error(`${path} is no list: ${JSON.stringify(body)}`);
    return items;
  };
  const [volumes, claims, snapshots, contents, attachments, pods] = await Promise.all([
    list('/api/v1/persistentvolumes'),
    list('/api/v1/persistentvolumeclaims'),
    list('/apis/snapshot.storage.k8s.io/v1/volumesnapshots'),
    list('/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents'),
    list('/apis/storage.k8s.io/v1/volumeattachments'),
    list('/api/v1/pods'),
  ]);
  return { volumes, claims, snapshots, contents, attachments, pods };
}
