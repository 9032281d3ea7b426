/**
 * One record of the state as a Secret: `tenants/shop` is `coffre-state.tenants.shop`, and its content is sealed.
 *
 * The name is sealed with the content, so one tenant's record under another's name is a damaged one.
 */
import { systemNamespace } from '../../model/system-namespace.ts';
import type { Place } from '../inform/resource.ts';
import type { Collection, KubeObject } from '../objects.ts';
import type { PolicyRule } from '../policy-rule.ts';

export const secrets: Collection = { group: '', version: 'v1', plural: 'secrets', namespace: systemNamespace };

/**
 * What the control plane needs in the system namespace to keep the mesh's state. Not `delete`: nothing of it is ever taken
 * away. Tenants come and go, so the names cannot be told beforehand.
 */
export const secretNamespaceRules: readonly PolicyRule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create', 'update'] },
];

/** Each in the system namespace: the key that seals the records, where it is kept with them. */
export const sealKeySecret = 'coffre-seal-key';
const recordPrefix = 'coffre-state.';
const recordLabels = { 'coffre.dev/state': 'record' };

/** All records, to be followed. */
export const recordPlace: Place = {
  ...{ kind: 'Secret', group: '', version: 'v1', plural: 'secrets', isOptional: false },
  ...{ namespace: systemNamespace, labels: recordLabels },
};

/** @param record such as `tenants/shop`: its first part has no dot, and it has two parts at most. */
export function secretName(record: string): string {
  return `${recordPrefix}${record.replace('/', '.')}`;
}

/** @returns undefined for a Secret that is no record. */
export function recordName(secret: string): string | undefined {
  return secret.startsWith(recordPrefix) ? secret.slice(recordPrefix.length).replace('.', '/') : undefined;
}

/** How people find it. */
export function secretPath(name: string): string {
  return `secret ${systemNamespace}/${name}`;
}

/** @param over the version that is replaced; absent: a new one. What others wrote beside the content stays. */
export function secretOf(name: string, field: string, content: Uint8Array, over?: KubeObject): KubeObject {
  const metadata = over?.metadata ?? { name, namespace: systemNamespace };
  const labels = recordName(name) === undefined ? {} : recordLabels;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: over?.['type'] ?? 'Opaque',
    metadata: { ...metadata, labels: { ...metadata.labels, 'app.kubernetes.io/part-of': 'coffre', ...labels } },
    data: { [field]: Buffer.from(content).toString('base64') },
  };
}

/** @returns undefined where it has no such field. */
export function contentOf(secret: Readonly<Record<string, unknown>>, field: string): Buffer | undefined {
  const data = secret['data'];
  const text: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, field) : undefined;
  return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}
