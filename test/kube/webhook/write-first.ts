/** What a cluster needs that was down whole, before a control plane can answer: a node, a lease, storage, and pods of the system. */
import type { Kube } from '../harness/kube.ts';
import { podWith } from '../inject/settings.ts';

/** @returns `taken` for each that the API server took, else its words. */
export async function writeFirst(kube: Kube, round: string): Promise<string[]> {
  const name = `first-${round}`;
  const of = (kind: string, apiVersion: string, spec: object) => ({ apiVersion, kind, metadata: { name }, spec });
  const accessModes = ['ReadWriteOnce'];
  const claim = { accessModes, resources: { requests: { storage: '1Gi' } } };
  const volume = {
    ...{ capacity: { storage: '1Gi' }, accessModes, claimRef: { namespace: 'coffre-system', name } },
    csi: { driver: 'd', volumeHandle: round },
  };
  const attachment = { attacher: 'd', nodeName: 'n', source: { persistentVolumeName: name } };
  const slice = { addressType: 'IPv4', endpoints: [], ports: [] };
  const pod = { ...of('Pod', 'v1', {}), ...podWith({}, {}, { name }) };
  const ours = '/api/v1/namespaces/coffre-system';
  const written: readonly [string, object][] = [
    ['/api/v1/nodes', of('Node', 'v1', {})],
    ['/apis/coordination.k8s.io/v1/namespaces/coffre-system/leases', of('Lease', 'coordination.k8s.io/v1', {})],
    [`${ours}/secrets`, of('Secret', 'v1', {})],
    [`${ours}/configmaps`, of('ConfigMap', 'v1', {})],
    [`${ours}/persistentvolumeclaims`, of('PersistentVolumeClaim', 'v1', claim)],
    ['/api/v1/persistentvolumes', of('PersistentVolume', 'v1', volume)],
    ['/apis/storage.k8s.io/v1/volumeattachments', of('VolumeAttachment', 'storage.k8s.io/v1', attachment)],
    [
      '/apis/discovery.k8s.io/v1/namespaces/coffre-system/endpointslices',
      { ...of('EndpointSlice', 'discovery.k8s.io/v1', {}), ...slice },
    ],
    ['/api/v1/namespaces', of('Namespace', 'v1', {})],
    [`${ours}/pods`, pod],
    ['/api/v1/namespaces/kube-system/pods', pod],
  ];
  const answers = await Promise.all(written.map(([path, object]) => kube.request('POST', path, object)));
  return answers.map(({ status, body }) => (status === 201 ? 'taken' : JSON.stringify(body)));
}
