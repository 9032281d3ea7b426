/** The webhooks for one tenant of the shared cluster: registered for its namespace alone, and answered by the real server. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Installation, judgesOf } from '../../../src/kube/webhook/judges.ts';
import { webhookConfigurations } from '../../../src/kube/webhook/webhook-configurations.ts';
import { createWebhookServer } from '../../../src/kube/webhook/webhook-server.ts';
import { buildSnapshot } from '../../../src/model/build-snapshot.ts';
import { parseDocument } from '../../../src/model/parse-document.ts';
import { mesh, policy, service, tenant } from '../../model/written.ts';
import { issue, makeAuthority } from '../harness/certificates.ts';
import type { Kube } from '../harness/kube.ts';

const loopback = '127.0.0.1';
const admission = '/apis/admissionregistration.k8s.io/v1';
const plurals = {
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
  ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
} as const;

export interface InjectionOf {
  readonly tenant: string;
  /** Asked anew for each review. */
  readonly sidecarUser: () => number;
  readonly installation: Installation;
}

/** @returns how it is taken away. */
export async function serveInjection(kube: Kube, of: InjectionOf): Promise<() => Promise<void>> {
  const authority = await makeAuthority(of.tenant);
  const { certificate, key } = await issue(authority, { name: 'coffre' }, [loopback]);
  const objects = objectsOf(of.tenant);
  const snapshot = buildSnapshot(objects);
  const judges = judgesOf(
    {
      ...{ snapshot: () => snapshot, objects: () => objects, volumes: () => undefined, sidecarUser: of.sidecarUser },
      ...{ askTenant: async () => 'not-there' as const, nowMs: Date.now },
    },
    of.installation,
  );
  const anchorPem = await readFile(join(kube.folder, 'front-ca.crt'), 'utf8');
  const server = createWebhookServer({
    credentials: { certificateChainPem: certificate, privateKeyPem: { reveal: () => key } },
    trust: { kind: 'certificate', anchorPem, names: new Set(['front-proxy-client']) },
    ...{ judges, drainMs: 0, judged: () => undefined, failed: (cause) => console.error(cause) },
  });
  const bound = await server.listen({ address: loopback, port: 0 });
  if (bound.kind === 'refused') throw new Error(bound.message);
  const configurations = webhookConfigurations({ rootPem: authority.certificate }).map((each) => ({
    ...{ ...each, metadata: { name: `${of.tenant}-coffre` } },
    webhooks: each.webhooks.flatMap(({ clientConfig, ...webhook }) => {
      // Those that are about no namespace would judge what other tests write.
      if (webhook.namespaceSelector === undefined) return [];
      const { service: at, caBundle } = clientConfig;
      const url = `https://${loopback}:${bound.port}${at.path}`;
      const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': of.tenant } };
      return [{ ...webhook, clientConfig: { url, caBundle }, namespaceSelector }];
    }),
  }));
  for (const configuration of configurations) {
    const { status, body } = await kube.request('POST', `${admission}/${plurals[configuration.kind]}`, configuration);
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
  return async () => {
    for (const { kind, metadata } of configurations) {
      await kube.request('DELETE', `${admission}/${plurals[kind]}/${metadata.name}`);
    }
    await server.close();
  };
}

/** Services and policies of the tenant choose its pods by `app`. */
function objectsOf(name: string) {
  const system = (namespace: string, service: string, ip: string, port: object) => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: service, namespace } },
    spec: { clusterIP: ip, ports: [port] },
  });
  const texts = [
    ...[mesh(), tenant(name), service(name, 'web', '10.96.0.20', { app: 'web' })],
    policy(name, 'web', 'selector: {matchLabels: {app: web}}\n  allow: [{}]'),
    stringify(system('coffre-system', 'coffre', '10.96.0.100', { name: 'xds', port: 15_012 })),
    stringify(system('kube-system', 'kube-dns', '10.96.0.10', { name: 'dns', port: 53, protocol: 'UDP' })),
  ];
  return texts.flatMap((text) => parseDocument(text, 'mesh.yaml').objects);
}
