/** Objects of storage as authors write them, by the fields that matter to the wall. */

export const paths = {
  PersistentVolume: () => '/api/v1/persistentvolumes',
  PersistentVolumeClaim: (namespace: string) => `/api/v1/namespaces/${namespace}/persistentvolumeclaims`,
  Pod: (namespace: string) => `/api/v1/namespaces/${namespace}/pods`,
  VolumeSnapshot: (namespace: string) => `/apis/snapshot.storage.k8s.io/v1/namespaces/${namespace}/volumesnapshots`,
  VolumeSnapshotContent: () => '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents',
  VolumeAttachment: () => '/apis/storage.k8s.io/v1/volumeattachments',
} as const;

export interface Written {
  readonly kind: keyof typeof paths;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

export function pathOf({ kind, metadata }: Written): string {
  return paths[kind](metadata.namespace ?? '');
}

/** `shop/ledger` */
function named(key: string): Named {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

const gigabyte = { storage: '1Gi' };
const accessModes = ['ReadWriteOnce'];

/** @param claim `namespace/name`; empty for nobody. */
export function volume(name: string, claim: string, source: object, more: object = {}) {
  const claimRef = claim === '' ? {} : { claimRef: named(claim) };
  const spec = {
    capacity: gigabyte,
    accessModes,
    persistentVolumeReclaimPolicy: 'Retain',
    ...source,
    ...claimRef,
    ...more,
  };
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec } as const;
}

export function csi(volumeHandle: string, driver = 'disk.example', more: object = {}) {
  return { csi: { driver, volumeHandle, ...more } };
}

export function nfs(server: string, path: string) {
  return { nfs: { server, path } };
}

export function local(path: string, key: string, ...values: string[]) {
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values }] }] };
  return { local: { path }, nodeAffinity: { required } };
}

export function claim(key: string, spec: object, annotations: Record<string, string> = {}) {
  const body = { accessModes, resources: { requests: gigabyte }, ...spec };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { ...named(key), annotations },
    spec: body,
  } as const;
}

export function pod(key: string, source: object) {
  const spec = {
    containers: [{ name: 'app', image: 'app.example/app:1' }],
    volumes: [{ name: 'data', ...source }],
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata: named(key), spec } as const;
}

const snapshots = { apiVersion: 'snapshot.storage.k8s.io/v1' } as const;

export function snapshot(key: string, source: object) {
  return { ...snapshots, kind: 'VolumeSnapshot', metadata: named(key), spec: { source } } as const;
}

export function content(name: string, key: string, source: object, driver = 'disk.example') {
  const spec = { driver, deletionPolicy: 'Retain', source, volumeSnapshotRef: named(key) };
  return { ...snapshots, kind: 'VolumeSnapshotContent', metadata: { name }, spec } as const;
}

export function attachment(name: string, persistentVolumeName: string) {
  const spec = { attacher: 'disk.example', nodeName: 'node-1', source: { persistentVolumeName } };
  return { apiVersion: 'storage.k8s.io/v1', kind: 'VolumeAttachment', metadata: { name }, spec } as const;
}
