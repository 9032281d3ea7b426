/** The two halves behind HTTPS, as a real API server asks them: only what stands between a review and a verdict. */
import fastify from 'fastify';
import type { AdmissionRequest, Verdict } from '../../../src/kube/admission.ts';
import type { AdmissionContext } from '../../../src/kube/inject/admission-context.ts';
import { mutatePod } from '../../../src/kube/inject/mutate-pod.ts';
import { validateConfigMap } from '../../../src/kube/inject/validate-config-map.ts';
import { validatePod } from '../../../src/kube/inject/validate-pod.ts';
import { configMapWebhook, injectWebhook, podWebhook, stepWebhook } from '../../../src/kube/webhook/pod-webhooks.ts';
import { formatProblem } from '../../../src/model/format-problem.ts';
import { issue, makeAuthority } from '../harness/certificates.ts';
import type { Kube } from '../harness/kube.ts';

type Review = { readonly request: AdmissionRequest & { readonly uid: string } };

/** Largest review: two objects of the API server's own bound, in bytes. */
const bodyLimit = 8 * 1_024 * 1_024;

/** @returns how it is taken away. */
export async function startWebhook(
  kube: Kube,
  name: string,
  context: () => AdmissionContext,
): Promise<() => Promise<void>> {
  const authority = await makeAuthority(name);
  const { certificate: cert, key } = await issue(authority, { name }, ['127.0.0.1']);
  const server = fastify({ https: { cert, key }, bodyLimit });
  const judges = { '/mutate': mutatePod, '/validate': validatePod, '/config-map': validateConfigMap };
  for (const [path, judge] of Object.entries(judges)) {
    server.post<{ Body: Review }>(path, async ({ body: { request } }) => ({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: request.uid, ...responseOf(judge(request, context())) },
    }));
  }
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const configurations = [
    ['mutatingwebhookconfigurations', '/mutate', [injectWebhook]],
    ['validatingwebhookconfigurations', '/validate', [podWebhook, stepWebhook]],
    ['validatingwebhookconfigurations', '/config-map', [configMapWebhook]],
  ] as const;
  const nameOf = (path: string) => `${name}${path.replace('/', '-')}`;
  for (const [plural, path, webhooks] of configurations) {
    const clientConfig = { url: `${url}${path}`, caBundle: Buffer.from(authority.certificate).toString('base64') };
    const namespaceSelector = { matchLabels: { 'test.coffre.dev/inject': name } };
    const { status, body } = await kube.request('POST', `/apis/admissionregistration.k8s.io/v1/${plural}`, {
      metadata: { name: nameOf(path) },
      webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig, namespaceSelector })),
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
  return async () => {
    for (const [plural, path] of configurations) {
      await kube.request('DELETE', `/apis/admissionregistration.k8s.io/v1/${plural}/${nameOf(path)}`);
    }
    await server.close();
  };
}

function responseOf(verdict: Verdict): object {
  if (verdict.kind === 'refused') {
    const message = verdict.problems.map(formatProblem).join('\n');
    return { allowed: false, status: { code: 403, reason: 'Forbidden', message } };
  }
  if (verdict.patch.length === 0) return { allowed: true };
  const patch = Buffer.from(JSON.stringify(verdict.patch)).toString('base64');
  return { allowed: true, patchType: 'JSONPatch', patch };
}
