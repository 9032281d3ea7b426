/**
 * Definitions of Gateway API's kinds for a test's cluster: their names, versions and status, and of their fields whatever
 * is written. What the real ones refuse is not the business of these tests.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kube } from '../harness/kube.ts';

/** Longest wait until a new kind can be asked for, in ms. */
const establishedMaxMs = 30_000;
const group = 'gateway.networking.k8s.io';

export interface GatewayDefinition {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly versions: readonly { readonly name: string }[] };
}

export function gatewayDefinition(kind: string, plural: string, version: string): GatewayDefinition {
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } };
  const annotations = { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api' };
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, annotations },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema, subresources: { status: {} } }],
    },
  };
  return definition;
}

export async function installGateway(kube: Kube, ...definitions: readonly GatewayDefinition[]): Promise<void> {
  const signal = AbortSignal.timeout(establishedMaxMs);
  for (const definition of definitions) {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { status, body } = await kube.request('POST', path, definition);
    if (status !== 201) throw new Error(JSON.stringify(body));
    const { metadata, spec } = definition;
    const collection = `/apis/${group}/${spec.versions[0]?.name}/${metadata.name.slice(0, metadata.name.indexOf('.'))}`;
    while ((await kube.request('GET', collection)).status !== 200) await sleep(50, undefined, { signal });
  }
}
