/** What a kubelet asks the API server for on behalf of a pod. */
import type { Kube } from '../harness/kube.ts';
import { nodeUser } from '../harness/nodes.ts';
import type { PodObject, Source } from './pod-spec.ts';

export type Files = ReadonlyMap<string, Buffer>;

export interface KubeReader {
  /** @returns undefined where there is none. */
  configMap(namespace: string, name: string): Promise<Files | undefined>;
  secret(namespace: string, name: string): Promise<Files | undefined>;
  /** Bound to the pod: it dies with it. */
  token(pod: PodObject, source: NonNullable<Source['serviceAccountToken']>): Promise<Token>;
}

export interface Token {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** Kubernetes' own, in s. */
const tokenSecondsDefault = 3_600;

/** @param node in whose name tokens are asked for. */
export function kubeReader(kube: Kube, node: string): KubeReader {
  const { name: user, group } = nodeUser(node);
  const asNode = { 'impersonate-user': user, 'impersonate-group': group };
  async function files(plural: string, namespace: string, name: string, decode: (text: string) => Buffer) {
    const { status, body } = await kube.request('GET', `/api/v1/namespaces/${namespace}/${plural}/${name}`);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`\`${namespace}/${name}\` was answered with ${status}`);
    const { data = {} } = body as { data?: Readonly<Record<string, string>> };
    return new Map(Object.entries(data).map(([key, text]) => [key, decode(text)]));
  }
  return {
    configMap: (namespace, name) => files('configmaps', namespace, name, (text) => Buffer.from(text)),
    secret: (namespace, name) => files('secrets', namespace, name, (text) => Buffer.from(text, 'base64')),
    async token({ metadata, spec }, { audience, expirationSeconds = tokenSecondsDefault }) {
      const account = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${spec.serviceAccountName}`;
      const request = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          ...(audience === undefined ? {} : { audiences: [audience] }),
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: metadata.name, uid: metadata.uid },
        },
      };
      const { status, body } = await kube.request('POST', `${account}/token`, request, asNode);
      if (status !== 201) throw new Error(`no token for \`${metadata.name}\`: ${JSON.stringify(body)}`);
      const { token, expirationTimestamp } = (body as { status: { token: string; expirationTimestamp: string } })
        .status;
      return { text: token, expiresAtMs: Date.parse(expirationTimestamp) };
    },
  };
}
