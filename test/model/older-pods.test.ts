/** Pods that are older than their tenant: who looked at their sidecar when they were made. */
import { expect, test } from 'vitest';
import { parseDocument } from '../../src/model/parse-document.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';

const moment = '2027-01-31T18:00:00Z';
const sidecar = { initContainers: [{ name: 'coffre-sidecar', image: 'evil' }] };

function objectsAt(tenantMade: string | undefined, podMade: string | undefined, spec: object) {
  const docs: object[] = [
    { apiVersion: 'coffre.dev/v1alpha1', kind: 'Mesh', metadata: { name: 'default' }, spec: { trustDomain: 'm.test' } },
    {
      ...{ apiVersion: 'coffre.dev/v1alpha1', kind: 'Tenant', spec: { environment: 'prod' } },
      metadata: { name: 'shop', creationTimestamp: tenantMade },
    },
    {
      ...{ apiVersion: 'v1', kind: 'Pod', spec, status: { podIPs: [{ ip: '10.0.0.1' }] } },
      metadata: { namespace: 'shop', name: 'web', creationTimestamp: podMade },
    },
  ];
  return parseDocument(docs.map((doc) => JSON.stringify(doc)).join('\n---\n'), 'mesh.yaml').objects;
}

test('a pod with a sidecar from before its tenant has no identity, and is told to be replaced', () => {
  const { workloads, problems } = new SnapshotBuilder().build(objectsAt(moment, '2027-01-31T17:59:59Z', sidecar));
  expect([...workloads.keys()]).toEqual([]);
  expect(problems).toMatchObject([
    {
      ...{ code: 'sidecar-required', severity: 'error', path: 'metadata.creationTimestamp' },
      object: { kind: 'Pod', namespace: 'shop', name: 'web' },
      advice: expect.stringContaining('replace the pod'),
    },
  ]);
});

test.each<[string, string | undefined, string | undefined, object]>([
  ['made within the same second', moment, moment, sidecar],
  ['made later', moment, '2027-02-01T00:00:00Z', sidecar],
  ['of which nobody knows when it was made, as in a folder', moment, undefined, sidecar],
  ['of a tenant from a folder', undefined, moment, sidecar],
  ['that claims no sidecar', moment, '2026-01-01T00:00:00Z', {}],
])('a pod %s is judged by the rest', (_name, tenantMade, podMade, spec) => {
  const { workloads, problems } = new SnapshotBuilder().build(objectsAt(tenantMade, podMade, spec));
  expect([[...workloads.keys()], problems]).toEqual([['shop/web'], []]);
});

test('a tenant that is written anew withholds the identities of the pods from before it, and their successors have them', () => {
  const builder = new SnapshotBuilder();
  const later = '2027-02-01T00:00:00Z';
  const known = (tenantMade: string, podMade: string) =>
    [...builder.build(objectsAt(tenantMade, podMade, sidecar)).workloads.keys()].length;
  expect([known(moment, moment), known(later, moment), known(later, later)]).toEqual([1, 0, 1]);
});
