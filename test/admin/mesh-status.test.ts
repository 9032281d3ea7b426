/** What a status says is wrong, and what of it each reader sees. */
import { describe, expect, test } from 'vitest';
import { type MeshView, meshStatus } from '../../src/admin/mesh-status.ts';
import { workerKey } from '../../src/controller/configure.ts';
import type { Problem } from '../../src/model/problem.ts';
import { programTypeUrl } from '../../src/policy/program.ts';
import type { ClientStatus, TypeStatus } from '../../src/xds/client-status.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { twoTenants } from '../fixtures/two-tenants.ts';

const hourMs = 3_600_000;
const mesh = meshFrom(twoTenants);
const everything = { kind: 'mesh' } as const;
const fresh = { notBeforeMs: 0, notAfterMs: 24 * hourMs };

function client(key: string, state: TypeStatus['state'] = 'SYNCED', stream = 1): ClientStatus {
  const refusal = { nack: { nonce: '1', version: 'v', code: 3, message: 'no such cluster' } };
  const type: TypeStatus = {
    typeUrl: typeUrls.cluster,
    wildcard: true,
    names: 0,
    asked: new Set(),
    sentVersion: 'v',
    ackedVersion: state === 'SYNCED' ? 'v' : '',
    ...(state === 'NACKED' ? refusal : {}),
    state,
  };
  return {
    stream,
    protocol: 'delta',
    key,
    nodeId: key,
    address: '10.0.0.1:1',
    openedAtMs: stream,
    takesTtl: true,
    types: [type],
  };
}

const lossHeld: Problem = {
  ...{ code: 'loss-held', severity: 'error', where: { file: 'a.yaml', line: 1 }, path: '' },
  ...{ message: '12 objects are gone', advice: 'bring them back' },
};

const healthy: MeshView = {
  ready: true,
  snapshot: mesh,
  xds: '127.0.0.1:15012',
  clients: [...mesh.workloads.keys()].map((key) => client(key)),
  certificateOf: () => fresh,
  evidence: { head: 412, blocked: undefined, sinks: [{ name: 'siem', lag: 0, failing: undefined }] },
};

function sinkBehind(failing?: string) {
  return { head: 412, blocked: undefined, sinks: [{ name: 'siem', lag: 82, failing }] };
}

describe('what is wrong', () => {
  test.each([
    { title: 'nothing, where every proxy accepted everything', view: healthy, wrong: [] },
    {
      title: 'nothing, while something is on its way',
      view: { ...healthy, clients: [...healthy.clients, client('atelier/web-1', 'STALE', 2)] },
      wrong: [],
    },
    { title: 'a control plane that is not ready', view: { ...healthy, ready: false }, wrong: [/not ready/] },
    {
      title: 'a loss that is held',
      view: { ...healthy, snapshot: { ...mesh, problems: [lossHeld] } },
      wrong: [/held until that is confirmed/],
    },
    {
      title: 'a proxy that is gone',
      view: { ...healthy, clients: healthy.clients.slice(1) },
      wrong: [/`atelier\/api-1` is not connected/],
    },
    {
      title: 'a NACK',
      view: { ...healthy, clients: [...healthy.clients, client('atelier/web-1', 'NACKED', 2)] },
      wrong: [/`atelier\/web-1` refused CDS/],
    },
    {
      title: 'a certificate that nobody renewed',
      view: {
        ...healthy,
        certificateOf: (id: string) => (id.endsWith('/atelier/sa/db') ? { ...fresh, notAfterMs: 3 * hourMs } : fresh),
      },
      nowMs: 2.5 * hourMs,
      wrong: [/certificate of `atelier\/db-1`/],
    },
    {
      title: 'a workload without a certificate',
      view: { ...healthy, certificateOf: (id: string) => (id.endsWith('/atelier/sa/db') ? undefined : fresh) },
      wrong: [/`atelier\/db-1` has no certificate/],
    },
    {
      title: 'evidence that is not written',
      view: { ...healthy, evidence: { head: 412, blocked: 'the disk is full', sinks: [] } },
      wrong: [/no evidence is written/],
    },
    {
      title: 'a sink that refuses what it is given',
      view: { ...healthy, evidence: sinkBehind('ECONNREFUSED') },
      wrong: [/the sink `siem` takes no evidence/],
    },
    {
      title: 'nothing, while a sink is behind and takes what it is given',
      view: { ...healthy, evidence: sinkBehind() },
      wrong: [],
    },
  ])('$title', ({ view, wrong, nowMs = hourMs }) => {
    expect(meshStatus(view, everything, nowMs).wrong).toEqual(wrong.map((text) => expect.stringMatching(text)));
  });

  test('an object that is not in force, with its line', () => {
    const broken = meshFrom(
      documents(
        twoTenants,
        'apiVersion: coffre.dev/v1alpha1\nkind: Grant\nmetadata: { name: g, namespace: atelier }\nspec: { from: { tenant: nobody }, to: { service: api }, reason: r }',
      ),
      ['dangling-reference'],
    );
    const { wrong } = meshStatus({ ...healthy, snapshot: broken }, everything, 0);
    expect(wrong).toEqual([expect.stringMatching(/^mesh\.yaml:\d+ is not in force$/)]);
  });
});

test('the younger of two streams speaks for a proxy', () => {
  const clients = [client('atelier/web-1', 'NACKED', 1), client('atelier/web-1', 'SYNCED', 2)];
  const { proxies } = meshStatus({ ...healthy, clients }, everything, 0);
  expect(proxies.find(({ workload }) => workload === 'atelier/web-1')?.types.map(({ state }) => state)).toEqual([
    'SYNCED',
  ]);
});

test('a reader of one tenant sees nothing of the other: not a name, not a count, not a trouble', () => {
  const trouble: MeshView = {
    ...healthy,
    clients: [client('notaire/web-1', 'NACKED')],
    evidence: { ...sinkBehind('no route to siem.notaire'), blocked: 'the disk is full' },
    snapshot: {
      ...mesh,
      problems: [
        {
          code: 'yaml-syntax',
          severity: 'error',
          where: { file: 'notaire/x.yaml', line: 1 },
          path: '',
          message: 'm',
          advice: 'a',
        },
        {
          code: 'sealed-service',
          severity: 'error',
          where: { file: 'n.yaml', line: 1 },
          path: '',
          object: { kind: 'Grant', namespace: 'notaire', name: 'g' },
          message: 'm',
          advice: 'a',
        },
        {
          code: 'bad-value',
          severity: 'error',
          where: { file: 't.yaml', line: 1 },
          path: '',
          object: { kind: 'Tenant', namespace: '', name: 'notaire' },
          message: 'm',
          advice: 'a',
        },
      ],
    },
  };
  const scope = { kind: 'tenant', tenant: 'atelier' } as const;
  const seen = meshStatus(trouble, scope, 0);
  expect(seen.tenants).toEqual(['atelier']);
  expect(JSON.stringify(seen)).not.toContain('notaire');
  expect(seen).toEqual(meshStatus({ ...healthy, clients: [], evidence: undefined }, scope, 0));
});

test('each worker that is connected is told with the revision it judges by, to those who see the whole mesh', () => {
  const worker = (state: TypeStatus['state'], stream: number) => {
    const fed = client(workerKey, state, stream);
    return { ...fed, types: fed.types.map((type) => ({ ...type, typeUrl: programTypeUrl })) };
  };
  const view = { ...healthy, clients: [...healthy.clients, worker('SYNCED', 1), worker('NACKED', 2)] };
  const { workers, wrong } = meshStatus(view, everything, 0);
  expect(workers).toEqual([
    { address: '10.0.0.1:1', since: '1970-01-01T00:00:00.001Z', revision: 'v', state: 'SYNCED' },
    { address: '10.0.0.1:1', since: '1970-01-01T00:00:00.002Z', revision: '', state: 'NACKED' },
  ]);
  expect(wrong).toEqual(['the authorization worker at `10.0.0.1:1` refused its policies']);
  expect(meshStatus(view, { kind: 'tenant', tenant: 'atelier' }, 0).workers).toBeUndefined();
});

test('evidence is told with every sink to those who see the whole mesh', () => {
  const { evidence } = meshStatus({ ...healthy, evidence: sinkBehind('ECONNREFUSED') }, everything, 0);
  expect(evidence).toEqual({ head: 412, sinks: [{ name: 'siem', lag: 82, failing: 'ECONNREFUSED' }] });
});

test('before the sources were read there is a status, and it says so', () => {
  const { ready, proxies, wrong } = meshStatus({ ...healthy, ready: false, snapshot: undefined }, everything, 0);
  expect({ ready, proxies, wrongs: wrong.length }).toEqual({ ready: false, proxies: [], wrongs: 1 });
});
