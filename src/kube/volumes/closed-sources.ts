/**
 * What no grant can open: directories of a node, storage named inside a pod, classes that are not declared encrypted.
 *
 * An API server refuses them by itself (`admission-policies.ts`); here the same is said of what existed before it could.
 */
import { quote, quoteList } from '../../model/quote.ts';
import type { Tenant } from '../../model/snapshot.ts';
import type { Finding } from '../../model/sourced-object.ts';
import { type StorageObject, userOf } from './storage-object.ts';
import type { MountingPod } from './storage-objects.ts';

/** What a tenant's pod may mount: all that names no storage by itself. */
export const openSources = [
  'configMap',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const;

/** An annotation that an API server still believes before `storageClassName`. */
export const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

export function closedSources(written: StorageObject, tenants: ReadonlyMap<string, Tenant>): readonly Finding[] {
  const user = userOf(written);
  const tenant = tenants.get(user);
  const { kind, object } = written;
  if (kind === 'PersistentVolume' && 'hostPath' in object.spec && (user === '' || tenant !== undefined)) {
    return [nodeDirectory];
  }
  const isClassed = kind === 'PersistentVolume' || kind === 'PersistentVolumeClaim';
  const demanded = tenant?.encryptedStorageClasses;
  if (!isClassed || demanded === undefined) return [];
  const annotated = object.metadata.annotations?.[classAnnotation];
  const undeclared = [object.spec.storageClassName ?? '', ...(annotated === undefined ? [] : [annotated])].find(
    (name) => !demanded.has(name),
  );
  return undeclared === undefined ? [] : [unencrypted(user, undeclared, demanded)];
}

export function closedSourcesOfPod({ spec }: MountingPod): readonly Finding[] {
  return (spec.volumes ?? []).flatMap((volume, index) => {
    const source = Object.keys(volume).find((key) => key !== 'name' && !openSources.some((open) => open === key));
    return source === undefined ? [] : [inlineStorage(index, source)];
  });
}

const nodeDirectory: Finding = {
  code: 'volume-wall',
  severity: 'error',
  path: 'spec.hostPath',
  message: 'a directory of a node is open to a tenant: whatever any tenant’s pods leave on the node lies beside it',
  advice: 'use a storage class, or a `local` volume on named nodes; no grant opens this',
};

function unencrypted(tenant: string, name: string, demanded: ReadonlySet<string>): Finding {
  const which = name === '' ? 'no storage class' : `the storage class ${quote(name)}`;
  return {
    code: 'unencrypted-volume',
    severity: 'error',
    path: 'spec.storageClassName',
    message: `${quote(tenant)} demands encrypted storage, and ${which} is not declared encrypted`,
    advice: `use ${quoteList([...demanded])}; no grant opens this`,
  };
}

function inlineStorage(index: number, source: string): Finding {
  return {
    code: 'volume-wall',
    severity: 'error',
    path: `spec.volumes[${index}].${source}`,
    message: `the pod names storage by itself, as ${quote(source)}: nobody can tell whose data are there`,
    advice: 'mount a `persistentVolumeClaim`; no grant opens this',
  };
}
