/** The audit of what stands: what it tells of, whom it blames, and where that is in use. */
import { describe, expect, test } from 'vitest';
import { type AuditedObjects, auditVolumes } from '../../../src/kube/volumes/audit-volumes.ts';
import type { VolumeConsents } from '../../../src/kube/volumes/consent.ts';
import { formatProblem } from '../../../src/model/format-problem.ts';
import { attachment, claim, csi, nfs, pod, volume } from './storage.ts';
import { consentsOf, grant } from './worlds.ts';

const nothing: AuditedObjects = { volumes: [], claims: [], snapshots: [], contents: [], attachments: [], pods: [] };
const shared = {
  ...nothing,
  volumes: [
    at('2026-01-02T00:00:00Z', volume('a-copy', 'billing/copy', csi('vol-1'))),
    at('2026-01-01T00:00:00Z', volume('ledger', 'shop/ledger', csi('vol-1'))),
  ],
  claims: [claim('shop/ledger', { volumeName: 'ledger' }), claim('billing/copy', { volumeName: 'a-copy' })],
  attachments: [attachment('one', 'a-copy')],
};

function at<T extends { readonly metadata: object }>(creationTimestamp: string, object: T) {
  return { ...object, metadata: { ...object.metadata, creationTimestamp } };
}

function told(objects: AuditedObjects, consents: VolumeConsents = consentsOf()): string[] {
  return auditVolumes(objects, consents).map(formatProblem);
}

test('of two volumes on one storage the younger is told, once, with the node it is attached to', () => {
  expect(told(shared)).toEqual([
    'PersistentVolume/a-copy:1: spec.csi: what the claim `shop/ledger` holds would be used by `billing`: it is on the storage of the volume `ledger`, and no grant in force lets it through the wall; it is attached to `node-1`; end the pods that mount it and delete it, or have the owners of `shop` write a `Grant` with `from.tenant: billing` and `to.volume: ledger`, or use storage of your own',
  ]);
});

test('under a grant nothing is told, and from the moment it is withdrawn or has ended everything', () => {
  const granted = consentsOf(grant('shop', 'billing', 'ledger', 1_000));
  expect(told(shared, { ...granted, nowMs: 999 })).toEqual([]);
  expect(told(shared, { ...granted, nowMs: 1_000 })).toEqual(told(shared));
  expect(told(shared, consentsOf(grant('billing', 'shop', 'ledger')))).toEqual(told(shared));
});

describe('what no grant opens is told of what stands', () => {
  test.each([
    [
      'a directory of a node',
      { ...nothing, volumes: [volume('v', 'shop/v', { hostPath: { path: '/' } })] },
      'spec.hostPath',
    ],
    ['one that is free', { ...nothing, volumes: [volume('v', '', { hostPath: { path: '/' } })] }, 'spec.hostPath'],
    ['a class', { ...nothing, claims: [claim('vault/v', { storageClassName: 'plain' })] }, 'spec.storageClassName'],
    ['no class', { ...nothing, volumes: [volume('v', 'vault/v', csi('v'))] }, 'spec.storageClassName'],
    ['a share in a pod', { ...nothing, pods: [pod('shop/p', nfs('files.example', '/'))] }, 'spec.volumes[0].nfs'],
  ])('%s', (_, objects, path) => {
    const problems = auditVolumes(objects, consentsOf());
    expect(problems.map((problem) => problem.path)).toContain(path);
    expect(told(objects)).toContainEqual(expect.stringContaining('no grant opens this'));
  });

  test('and of what is nobody’s, nothing', () => {
    const free = {
      ...nothing,
      volumes: [volume('v', 'system/v', { hostPath: { path: '/' } })],
      claims: [claim('vault/v', { storageClassName: 'encrypted' }), claim('shop/v', {})],
      pods: [pod('system/p', { hostPath: { path: '/' } }), pod('shop/p', { emptyDir: {} })],
    };
    expect(told(free)).toEqual([]);
  });
});
