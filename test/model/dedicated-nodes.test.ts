/** A tenant that shares its nodes with nobody: whose pod loses what, and for how long. */
import { expect, test } from 'vitest';
import { parseDocument } from '../../src/model/parse-document.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';

interface PodAt {
  readonly name: string;
  readonly node?: string;
  readonly phase?: string;
  readonly annotations?: object;
}

function mesh(dedicatedNodes: object | undefined, pods: readonly PodAt[]) {
  const ours = 'coffre.dev/v1alpha1';
  const docs: object[] = [
    { apiVersion: ours, kind: 'Mesh', metadata: { name: 'default' }, spec: { trustDomain: 'mesh.test' } },
    { apiVersion: ours, kind: 'Tenant', metadata: { name: 'bank' }, spec: { environment: 'prod', dedicatedNodes } },
    { apiVersion: ours, kind: 'Tenant', metadata: { name: 'shop' }, spec: { environment: 'prod' } },
    ...pods.map(({ name, node, phase = 'Running', annotations = {} }, index) => {
      const [namespace, own] = name.split('/');
      return {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: own, annotations } },
        spec: { nodeName: node },
        status: { phase, podIPs: [{ ip: `10.0.0.${index + 1}` }] },
      };
    }),
  ];
  return parseDocument(docs.map((doc) => JSON.stringify(doc)).join('\n---\n'), 'mesh.yaml').objects;
}

function judged(dedicatedNodes: object | undefined, ...pods: readonly PodAt[]) {
  const { workloads, problems } = new SnapshotBuilder().build(mesh(dedicatedNodes, pods));
  return { known: [...workloads.keys()], problems: problems.filter(({ code }) => code === 'shared-node') };
}

const ledger = { name: 'bank/ledger', node: 'n-1' };

test('a pod of a dedicated tenant beside a pod of another tenant has no identity, and the other keeps its own', () => {
  const { known, problems } = judged({}, ledger, { name: 'shop/web', node: 'n-1' }, { name: 'bank/far', node: 'n-2' });
  expect(known).toEqual(['bank/far', 'shop/web']);
  expect(problems).toMatchObject([{ severity: 'error', path: 'spec.nodeName', object: { name: 'ledger' } }]);
  for (const named of ['`bank/ledger`', '`n-1`', '`shop/web`']) expect(problems[0]?.message).toContain(named);
});

test.each([
  ['nobody is beside it', []],
  ['its own tenant is', [{ name: 'bank/api', node: 'n-1' }]],
  ['the stranger is elsewhere', [{ name: 'shop/web', node: 'n-2' }]],
  ['the stranger has ended', [{ name: 'shop/job', node: 'n-1', phase: 'Succeeded' }]],
  [
    'the cluster’s own pods are, and ours',
    [
      { name: 'kube-system/proxy', node: 'n-1' },
      { name: 'coffre-system/x', node: 'n-1' },
    ],
  ],
  ['who is tolerated is', [{ name: 'monitoring/exporter', node: 'n-1' }]],
])('it has one where %s', (_, others) => {
  expect(judged({ sharedWith: ['monitoring'] }, ledger, ...others).known).toContain('bank/ledger');
});

test.each([
  ['that is no tenant’s', { name: 'nobody/pod', node: 'n-1' }],
  ['that has not begun', { name: 'shop/web', node: 'n-1', phase: 'Pending' }],
  [
    'that its author made so that nobody can read it',
    { name: 'shop/sly', node: 'n-1', annotations: { 'coffre.dev/capture': 'no' } },
  ],
  ['whose namespace only sounds like the cluster’s own', { name: 'kube-system-2/proxy', node: 'n-1' }],
])('a pod %s is a stranger too', (_, stranger) => {
  const { known, problems } = judged({}, ledger, stranger);
  expect(known).not.toContain('bank/ledger');
  expect(problems[0]?.message).toContain(stranger.name);
});

test('a pod of a dedicated tenant that runs nobody knows where has none', () => {
  expect(judged({}, { name: 'bank/ledger' })).toMatchObject({ known: [], problems: [{ path: 'spec.nodeName' }] });
});

test('a tenant that asks for nothing shares with everybody', () => {
  const { known, problems } = judged(undefined, ledger, { name: 'shop/web', node: 'n-1' });
  expect([known, problems]).toEqual([['bank/ledger', 'shop/web'], []]);
});

test('an identity is lost when a stranger lands and comes back when it leaves, whatever was looked at before', () => {
  const builder = new SnapshotBuilder();
  const stranger = { name: 'shop/web', node: 'n-1' };
  const histories = [
    [ledger],
    [ledger, stranger],
    [ledger, { ...stranger, phase: 'Failed' }],
    [ledger, stranger],
    [ledger],
  ];
  const seen = histories.map((pods) => {
    const objects = mesh({}, pods);
    const snapshot = builder.build(objects);
    expect(snapshot).toEqual(new SnapshotBuilder().build(objects));
    return snapshot.workloads.has('bank/ledger');
  });
  expect(seen).toEqual([true, false, true, false, true]);
});

test('who moves between nodes that no dedicated tenant has changes nothing of it', () => {
  const built: string[] = [];
  const builder = new SnapshotBuilder({ built: (part, namespace) => built.push(`${part} ${namespace}`) });
  builder.build(mesh({}, [ledger, { name: 'shop/web', node: 'n-2' }]));
  built.length = 0;
  builder.build(mesh({}, [ledger, { name: 'shop/web', node: 'n-3' }]));
  expect(built).toContain('residents shop');
  expect(built).not.toContain('workloads bank');
});
